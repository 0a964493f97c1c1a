"""A stream of HTTP/2 or HTTP/3."""


class Stream:
    """What a client knows of a request, and of its answer."""

    def __init__(self, number):
        self.number = number
        self.status, self.fields, self.body = None, {}, b""
        # Whether the answer has come to its end; for what error the server does not want the body; and whether there is
        # nothing more to come of the answer either.
        self.ended, self.stopped, self.is_reset = False, None, False
