"""The parameters of requests over FastCGI, uwsgi and SCGI, as nginx sends them: by name."""


def fastcgi(data):
    """Those in the content of all records of type FCGI_PARAMS."""
    values = {}
    while data:
        lengths = []
        for _ in range(2):
            wide = 4 if data[0] & 0x80 else 1
            lengths.append(int.from_bytes(data[:wide], "big") & 0x7FFFFFFF)
            data = data[wide:]
        values[data[: lengths[0]].decode()] = data[lengths[0] : sum(lengths)].decode()
        data = data[sum(lengths) :]
    return values


def uwsgi(data):
    """Those in a packet without its header."""
    words = []
    while data:
        length = int.from_bytes(data[:2], "little")
        words.append(data[2 : 2 + length].decode())
        data = data[2 + length :]
    return dict(zip(words[::2], words[1::2]))


def scgi(data):
    """Those in a netstring, without its length but with its comma. Of two of one name the first one counts."""
    words = data[:-2].decode().split("\0")
    return dict(reversed(list(zip(words[::2], words[1::2]))))
