"""What the tests and the measurements have in common; t/lib is on PYTHONPATH.

nginx, servers      start an nginx of one's own, and other people's servers
ports, netns, proc  free ports; network namespaces; what /proc knows
connection          TCP and TLS
http1, http2, http3 clients; frames are what HTTP/2 consists of, for those that send nonsense
script, words       the language of t/lib/script.py; how sizes are written, and answers shown
browsers, pages     drive Chromium and Firefox; put tables into pages that are written by hand
"""
