"""What nginx has counted, as Prometheus' own parser reads it: metrics.py ZONE UPLOADS [DRAINS | any]

Waits until the zone has so many uploads, and drains, and prints those of its samples that are not 0, without the zone and
what all names begin with; of the histogram the buckets that are not like the one before. "no zone" where there is none.
The server's port is in the environment: PORT. It has the metrics at /metrics.
"""

import os
import sys
import time
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

zone, uploads, drains = sys.argv[1], int(sys.argv[2]), (sys.argv[3:] or ["0"])[0]


def read():
    answer = urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", answer.headers
    families = text_string_to_metric_families(answer.read().decode())
    return [sample for family in families for sample in family.samples if sample.labels["zone"] == zone]


def total(samples, name):
    return sum(sample.value for sample in samples if sample.name == f"nginx_limit_body_{name}_total")


until = time.monotonic() + float(os.environ.get("TEST_PATIENCE", 10))
samples = read()
while not (total(samples, "requests") == uploads and drains in ("any", f"{total(samples, 'drains'):.0f}")) and time.monotonic() < until:
    time.sleep(0.05)
    samples = read()

below = 0
for sample in samples:
    value, before = sample.value, below
    below = value if "le" in sample.labels else 0
    if value != before or ("le" not in sample.labels and value):
        labels = ",".join(f"{name}={value}" for name, value in sample.labels.items() if name != "zone")
        print(sample.name.removeprefix("nginx_limit_body_"), *([labels] if labels else []), f"{value:.0f}")
if not samples:
    print("no zone")
