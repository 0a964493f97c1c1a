"""What is left to an upload on an HTTP/2 connection beside refused ones: share.py TARGET

Starts 100 uploads that are refused and one to TARGET that is not, all at once, and sends a frame of each in turn, as far as
flow control lets it, until the accepted one is answered. Prints its answer, whether as many bytes of it were sent as half of
an upload's fair share, and how many uploads were stopped, if any. The server's port is in the environment: TLS_PORT.
"""

import os
import select
import sys

import h2.config
import h2.connection
import h2.events
import wire

REFUSED, SIZE, FRAME = 100, 4 << 20, 16384

connection = wire.connect(os.environ["TLS_PORT"], 30, ["h2"])
http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
http.initiate_connection()


def upload(target, size):
    number = http.get_next_available_stream_id()
    fields = {":method": "POST", ":path": target, ":scheme": "https", ":authority": "localhost", "content-length": str(size)}
    http.send_headers(number, list(fields.items()))
    return number


accepted = upload(sys.argv[1], SIZE)
left = {accepted: SIZE, **{upload("/refused", 1 << 30): 1 << 30 for _ in range(REFUSED)}}
sent = dict.fromkeys(left, 0)
refused, stopped, status, ended = set(), 0, None, False

while not ended:
    has_sent = False
    for number in left:
        room = min(http.local_flow_control_window(number), FRAME, left[number])
        if room:
            left[number] -= room
            # What counts is what it has while all send.
            if left[accepted]:
                sent[number] += room
            http.send_data(number, bytes(room), end_stream=not left[number])
            has_sent = True
    connection.sendall(http.data_to_send())
    # What comes may let it send again.
    patience = 0 if has_sent else 30
    while not ended and (connection.pending() or select.select([connection], [], [], patience)[0]):
        patience = 0
        data = connection.recv(65536)
        if not data:
            sys.exit("nginx has closed the connection")
        for event in http.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                code = dict(event.headers)[":status"]
                if event.stream_id == accepted:
                    status = code
                elif code == "413":
                    refused.add(event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                ended = ended or event.stream_id == accepted
            elif isinstance(event, h2.events.StreamReset):
                left[event.stream_id] = 0
                stopped += 1
        connection.sendall(http.data_to_send())

share = sent[accepted] * len(sent) / sum(sent.values())
print(f"{status}, beside {len(refused)} refused, {'at least' if share >= 0.5 else 'less than'} half of its share")
if stopped:
    print(f"stopped: {stopped}")
print(f"share: {share:.2f}", file=sys.stderr)
