"""Makes a script shorter, as long as what it shows remains."""

import re
import time

from .play import HEAD, WAITS

# How long shorter scripts are tried, in seconds.
PATIENCE = 60


async def shrink(script, shows):
    """The shortest script that shows the same, found by leaving out and making smaller what there is."""
    until = time.monotonic() + PATIENCE
    is_shorter = True
    while is_shorter:
        is_shorter = False
        for candidate in candidates(script):
            if time.monotonic() > until:
                return script
            if await shows(candidate):
                script, is_shorter = candidate, True
                break
    return script


def candidates(script):
    """Shorter scripts, those with the most left out first."""
    atoms = script["atoms"]
    if script["end"] != "probe":
        yield script | {"end": "probe"}
    for start, end in parts(atoms):
        yield script | {"atoms": atoms[:start] + atoms[end:]}
    if any(isinstance(atom, str) and "⏸" in atom for atom in atoms):
        kept = [atom for atom in atoms if atom != "⏸"]
        yield script | {"atoms": [atom.replace("⏸", "") if isinstance(atom, str) else atom for atom in kept]}
    for size in (len(atoms) // 2, len(atoms) // 4, 4, 3, 2, 1):
        if 0 < size < len(atoms):
            for start in range(0, len(atoms), size):
                yield script | {"atoms": atoms[:start] + atoms[start + size :]}
    for i, atom in enumerate(atoms):
        for smaller in smaller_atoms(atom):
            yield script | {"atoms": [*atoms[:i], smaller, *atoms[i + 1 :]]}


def parts(atoms):
    """Where requests begin and end; of HTTP/2, streams cannot be told apart like that."""
    starts = [i for i, atom in enumerate(atoms) if isinstance(atom, str) and HEAD.match(atom.replace("⏸", ""))]
    bounds = [*starts, len(atoms)]
    return list(zip(bounds, bounds[1:])) if len(starts) > 1 else []


def smaller_atoms(atom):
    if isinstance(atom, int):
        yield from sorted({n for n in (1, 10, atom // 2, atom - 1) if 0 < n < atom})
    elif isinstance(atom, list):
        if atom[0] == "data":
            _, number, size, end, padding = atom
            if padding is not None:
                yield ["data", number, size, end, None]
            for smaller in smaller_atoms(size):
                yield ["data", number, smaller, end, padding]
        elif atom[0] == "headers" and len(atom[2]) > 2:
            for i in range(2, len(atom[2])):
                yield [*atom[:2], atom[2][:i] + atom[2][i + 1 :], *atom[3:]]
    elif atom not in WAITS:
        if "⏸" in atom:
            yield atom.replace("⏸", "")
        if HEAD.match(atom):
            for line in re.findall(r"\r\n(?!\r\n)[^\r]+", atom):
                yield atom.replace(line, "", 1)
            if not re.match("POST .* HTTP/1.1", atom):
                yield re.sub(r"^[A-Z]+ (\S+) HTTP/\S*", r"POST \1 HTTP/1.1", atom)
            if "/fixed/" not in atom:
                yield re.sub("/(variable|after)/", "/fixed/", atom)
            if "/buffered " not in atom:
                yield re.sub(r"/[a-z-]+ HTTP", "/buffered HTTP", atom)
        elif chunk := re.match("([0-9A-Fa-f]+)(.*)(\r\n.*)", atom, re.S):
            if chunk[2]:
                yield chunk[1] + chunk[3]
            if re.match("0[0-9A-Fa-f]", chunk[1]):
                yield chunk[1].lstrip("0") + chunk[2] + chunk[3]
