"""Why users get no answer, as far as it is known: seen on raw connections and in captured packets, or in the sources of client
and server."""

import re

HTTP1, HTTP2, HTTP3 = "^(h1|tls)$", "^h2c?$", "^h3$"

# Server, client, HTTP, case, declared or undeclared, and the user's words, each an expression; the first that fits. Then why.
REASONS = [
    ("", "", "", "", "", "^(accepted|status 200)$",
     "The server took all of the body: its limit does not hold there."),
    ("^(module|nginx)$", "^libcurl", HTTP3, "", "undeclared", r"timed out .* (\d+) out of \1 bytes",
     "libcurl has the whole answer, stops its upload because of it (\"abort upload\", in its own words), and in about one of a "
     "hundred uploads then sends neither the rest nor an end, although stream and connection have room: it waits until its time "
     "is up. With nginx's own limit as well: 2 of 300 uploads, and 4 of 300 with this module."),
    ("^nginx$|^lingering", "", "h2|h3", "own page", "", "nginx's page",
     "Over HTTP/2 and HTTP/3 nginx's `error_page` for 413 is judged again, and refused again: the built-in page goes out."),
    ("^nginx$", "", HTTP1, "pause", "", "",
     "nginx waits 5 seconds for a client that is silent (`lingering_timeout`); what comes after that meets a reset."),
    ("^nginx$", "", HTTP1, "45 s", "", "",
     "nginx reads on for 30 seconds (`lingering_time`); what comes after that meets a reset."),
    ("^nginx$|^lingering", "Chromium", HTTP3, "", "", "",
     "nginx ends the stream with its answer and asks for no more (STOP_SENDING); Chromium then waits on, or reports a failure."),
    ("^nginx$|^lingering", "", HTTP3, "", "", "",
     "nginx ends the stream with its answer and asks for no more (STOP_SENDING), and the client takes that for a failure."),
    ("^nginx$|^lingering", "", HTTP2, "", "", "(?i)time|no answer",
     "nginx opens the stream's window no further. The client looks for an answer when its body is sent, and waits for the window."),
    ("^nginx$|^lingering", "", HTTP2, "", "", "",
     "nginx resets the stream after its answer (NO_ERROR), and the client takes that for a failure."),
    ("^nginx$", "", HTTP1, "", "undeclared", "",
     "nginx ends its side of the connection with the answer, and the client takes that for a failure while it sends."),
    ("^(lingering|closing|answering)", "", HTTP1, "", "", "",
     "The connection is closed while the client sends: what it sends meets a reset, which also discards the answer if that has "
     "not been read."),
    ("apache", "", HTTP1, "", "", "",
     "Apache ends its side of the connection with the answer and reads on for 30 seconds; the client takes the end for a failure, "
     "or what it sends comes later."),
    ("apache", "", HTTP2, "", "", "",
     "Apache resets the stream after its answer (NO_ERROR), or ends the connection (GOAWAY): the client takes that for a failure, or waits for the window."),
    ("haproxy", "", HTTP1, "", "", "",
     "HAProxy answers and closes at once; what the client sends meets a reset."),
    ("haproxy", "", HTTP2, "", "", "",
     "HAProxy resets the stream after its answer (CANCEL), and the client takes that for a failure, or waits for the window."),
    ("caddy", "", HTTP1, "", "", "",
     "Caddy answers, ends its side of the connection, and closes after half a second; what the client sends then meets a reset."),
    ("caddy", "", HTTP2, "", "", "",
     "Caddy ends the stream with its answer: the client waits for the window, or takes the reset for a failure."),
    ("caddy", "", HTTP3, "", "", "",
     "Caddy ends the stream with its answer, and the client takes that for a failure."),
    ("lighttpd", "", HTTP1, "", "", "",
     "lighttpd answers, ends its side of the connection, and closes after 5 seconds; what the client sends then meets a reset."),
    ("lighttpd", "", HTTP2, "", "", "",
     "lighttpd resets the stream after its answer, and the client takes that for a failure, or waits for the window."),
]


def reason(client, protocol, server, case, mode, error):
    for *patterns, why in REASONS:
        if all(re.search(pattern, value) for pattern, value in zip(patterns, (server, client, protocol, case, mode, error))):
            return why
    return None
