"""The tables of docs/programs.md, and the sentence in README.md."""

import collections

from limit_body.pages import fill, table


def write(results, page, readme):
    fill(page, {"programs": loopback(results["loopback"]), "slow link": slow(results["slow"])})
    fill(readme, {"make programs": headline(results["slow"])})


def loopback(results):
    """What users are told, by program."""
    rows = []
    for result in results:
        nginx, example = Tries(result["own page"]), Tries(result["module"])
        rows.append([title(result), f"[{result['example']}](../nginx-conf/{result['example']})", nginx.told(), example.told(),
                     one_or_both(nginx.exit(), example.exit()), one_or_both(nginx.uploads(), example.uploads())])
    return table(["program", "example", "with nginx's page", "with the example", "exit status", "uploads"], rows)


def slow(results):
    """What users are told over the slow link, with nginx alone and with the module."""
    rows = []
    for result in results:
        cells = []
        for tries in (Tries(result["nginx alone"]), Tries(result["module"])):
            cells += [tries.told(), tries.exit(), tries.uploads(), tries.seconds()]
        rows.append([title(result), *cells])
    numbers = ["exit", "uploads", "seconds"]
    return table(["program", "nginx alone", *numbers, "with the module", *numbers], rows)


def headline(results):
    """How many programs do what; one with several set-ups does what it does in one of them."""
    results = [result for result in results if result["reads"]]
    misled = programs(result for result in results if misleads(result, "nginx alone"))
    again = programs(result for result in results if most(result, "nginx alone") > most(result, "module"))
    misled_by_module = programs(result for result in results if misleads(result, "module"))
    again_with_module = programs(result for result in results if most(result, "module") > most(result, "nginx alone"))
    (aws,) = (result["nginx alone"][0] for result in results if result["name"] == "AWS CLI, TLS")
    words, _, _ = aws["told"].partition(" for ")
    return (f"Of {len(programs(results))} programs that read answers and upload 45 MiB over a link of 8 Mbit/s, with nginx alone "
            f"{len(misled)} do not tell\ntheir user of the limit, and {len(again)} send everything again: the AWS CLI says "
            f"\"{words}\" after {aws['uploads']} uploads and {aws['seconds']} seconds.\nWith the module "
            f"{len(misled_by_module) or 'none'} of them misleads, and {len(again_with_module) or 'none'} sends more often "
            "([programs.md](docs/programs.md#over-a-slow-link)).")


def programs(results):
    return {result["name"].partition(",")[0] for result in results}


def misleads(result, server):
    """Whether the user of a refused upload once was told neither the limit nor the status."""
    return any(result["told"] not in seen["told"] and "413" not in seen["told"] for seen in result[server] if seen["uploads"])


def most(result, server):
    return max(seen["uploads"] for seen in result[server])


def title(result):
    name, _, how = result["name"].partition(", ")
    return f"{name} {result['version']}{', ' * bool(how)}{how}"


def one_or_both(nginx, example):
    return example if nginx == example else f"{nginx} → {example}"


class Tries:
    """What came of all tries: once if it is the same, else each with how often."""

    def __init__(self, tries):
        self.tries = tries

    def told(self):
        return self.each("told", quoted)

    def exit(self):
        return self.each("exit", lambda status: "still running" if status is None else str(status))

    def uploads(self):
        return self.each("uploads", str)

    def seconds(self):
        seconds = sorted(seen["seconds"] for seen in self.tries)
        return str(seconds[0]) if seconds[0] == seconds[-1] else f"{seconds[0]}–{seconds[-1]}"

    def each(self, name, shown):
        counts = collections.Counter(seen[name] for seen in self.tries).most_common()
        if len(counts) == 1:
            return shown(counts[0][0])
        return "; ".join(f"{shown(value)} ({count} of {len(self.tries)})" for value, count in counts)


def quoted(text):
    text = text.replace("|", "\\|")
    return "no error" if not text else f"`{text if len(text) < 200 else text[:200] + ' ...'}`"
