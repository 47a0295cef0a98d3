"""Make a small stand-in for a shared library that is linked here and that nothing has a use for.

Runs in the build stage: `python3 stand_in.py REAL TARGET ANSWER [USER ...]`. TARGET gets the
functions that the USERs want of REAL, all that it has where none is named; each does nothing but
ANSWER that the service is not there. On a processor it knows no code for, there is none, and the
real one goes into the image.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

SYMBOL = re.compile(
    r" (?:FUNC|NOTYPE|IFUNC) .* (\w+) (\w+)(?:@@?(\w[\w.]*))?(?: \(\d+\))?$", re.MULTILINE
)
SONAME = re.compile(r"SONAME.*\[(.+)\]")
# What each answer is in the assembler of a processor.
ANSWERS = {
    "x86_64": {
        "nothing": "xorl %eax, %eax\n ret",
        "no-data": "movq $-61, %rax\n ret",  # -ENODATA, as functions of systemd say it
        "unsupported": "subq $8, %rsp\n call __errno_location@PLT\n movl $95, (%rax)\n"
        " movq $-1, %rax\n addq $8, %rsp\n ret",  # ENOTSUP
    },
    "aarch64": {
        "nothing": "mov x0, #0\n ret",
        "no-data": "mov x0, #-61\n ret",
        "unsupported": "stp x29, x30, [sp, #-16]!\n bl __errno_location\n mov w1, #95\n"
        " str w1, [x0]\n mov x0, #-1\n ldp x29, x30, [sp], #16\n ret",
    },
}
# "Is it on here?" is answered by no, whatever the others answer.
QUESTIONS = re.compile(r"is_\w+_enabled$")


def symbols(path: str, defined: bool) -> dict[str, str]:
    """Return the functions a file defines, or wants of others, each with its version."""
    listing = output_of("readelf", "--wide", "--dyn-syms", path)
    return {
        name: version
        for section, name, version in SYMBOL.findall(listing)
        if (section != "UND") == defined
    }


def output_of(*command: str) -> str:
    """Return what `command` prints; it must succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def code(functions: dict[str, str], answers: dict[str, str], answer: str) -> str:
    """Return the functions in assembler."""
    lines = [".text"]
    for name in functions:
        body = answers["nothing" if QUESTIONS.match(name) else answer]
        lines.append(f".globl {name}\n.type {name}, %function\n{name}:\n {body}")
        lines.append(f".size {name}, . - {name}")
    return "\n".join([*lines, '.section .note.GNU-stack,"",%progbits', ""])


def versions(functions: dict[str, str]) -> str:
    """Return the linker's script that gives each function the version it has in the real one."""
    named = defaultdict(list)
    for name, version in functions.items():
        named[version].append(name)
    return "".join(
        f"{version} {{ global: {'; '.join(names)}; local: *; }};\n"
        for version, names in named.items()
    )


def link(target: Path, soname: str, functions: dict[str, str], assembler: str) -> None:
    """Assemble and link the stand-in."""
    with tempfile.TemporaryDirectory() as folder:
        source, script, binary = (os.path.join(folder, name) for name in ("s.s", "s.map", "s.o"))
        Path(source).write_text(assembler, encoding="ascii")
        Path(script).write_text(versions(functions), encoding="ascii")
        output_of("as", "-o", binary, source)
        options = ["-shared", "--strip-all", "-z", "noexecstack", "-z", "relro", "-z", "now"]
        options += ["-z", "noseparate-code", "--hash-style=gnu", "--build-id=none"]
        made = os.path.join(folder, "made.so")
        libc = f"/usr/lib/{os.uname().machine}-linux-gnu/libc.so.6"
        output_of(
            *("ld", *options, "-soname", soname, "--version-script", script),
            *("-o", made, binary, "--as-needed", libc),
        )
        target.unlink(missing_ok=True)
        shutil.copyfile(made, target)


def main(real: str, target: Path, answer: str, users: list[str]) -> None:
    """Make one stand-in, where this processor has one."""
    answers = ANSWERS.get(os.uname().machine)
    if answers is None:
        return
    functions = symbols(real, defined=True)
    if users:
        wanted = {name for user in users for name in symbols(user, defined=False)}
        functions = {name: version for name, version in functions.items() if name in wanted}
    soname = SONAME.search(output_of("readelf", "--wide", "--dynamic", real))
    if not functions or soname is None:
        sys.exit(f"stand_in: {real} has nothing that {' '.join(users)} want")
    target.parent.mkdir(parents=True, exist_ok=True)
    link(target, soname.group(1), functions, code(functions, answers, answer))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
