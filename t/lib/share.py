"""What is left to an upload on an HTTP/2 connection beside refused ones: share.py TARGET

Starts 100 uploads that are refused and one to TARGET that is not, all at once, and sends a frame of each in turn, as far as
flow control lets it, until the accepted one is answered. Prints its answer, whether as many bytes of it were sent as half of
an upload's fair share, and how many uploads were stopped, if any. The server's port is in the environment: TLS_PORT.
"""

import os
import sys

from limit_body import http2

REFUSED, SIZE, FRAME = 100, 4 << 20, 16384

client = http2.Client(os.environ["TLS_PORT"], 30)


def upload(target, size):
    fields = {":method": "POST", ":path": target, ":scheme": "https", ":authority": "localhost", "content-length": str(size)}
    return client.http.request(list(fields.items()))


accepted = upload(sys.argv[1], SIZE)
left = {accepted: SIZE, **{upload("/refused", 1 << 30): 1 << 30 for _ in range(REFUSED)}}
sent = dict.fromkeys(left, 0)

while not accepted.ended:
    has_sent = False
    for stream in left:
        if room := 0 if stream.stopped else min(client.http.room(stream), FRAME, left[stream]):
            left[stream] -= room
            # What counts is what it has while all send.
            if left[accepted]:
                sent[stream] += room
            client.http.send_data(stream.number, bytes(room), end_stream=not left[stream])
            has_sent = True
    client.flush()
    # What comes may let it send again.
    patience = 0 if has_sent else 30
    while not accepted.ended and client.look(patience):
        patience = 0
        if client.closed:
            sys.exit("nginx has closed the connection")

refused = sum(stream.status == "413" for stream in left if stream != accepted)
stopped = sum(stream.stopped is not None for stream in left)
share = sent[accepted] * len(sent) / sum(sent.values())
print(f"{accepted.status}, beside {refused} refused, {'at least' if share >= 0.5 else 'less than'} half of its share")
if stopped:
    print(f"stopped: {stopped}")
print(f"share: {share:.2f}", file=sys.stderr)
