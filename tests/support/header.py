"""What the headers of the BPF programs say, as their compiler understands it.

The type information of an object has only the structs of its maps and variables. Here
there is a variable of each type that the Python side knows, too.
"""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from bpf.__main__ import SOURCES, compiler
from tests.support.btf import BpfObject

TOP = Path(__file__).parents[2]

TYPES = """\
struct connection
struct dns_question
struct emptied
struct explained
struct failed_lookup
struct flow
struct flow_counts
struct followed
struct ipv4_set
struct ipv6_set
struct large_answer
struct large_process
struct listed
struct lookup
struct progress
struct small_answer
struct small_process
struct started
enum address_filter
enum depth
enum detail
enum namespace_known
enum process_flags
enum refused_by
enum result
enum seen_of_attempt
enum task_filter
""".splitlines()
NUMBERS = """\
ANSWER_LARGE
ANSWER_SMALL
CLAIM_BITS
LOOKUP_ADDRESSES
MAX_LEVELS
""".splitlines()


@functools.cache
def header() -> BpfObject:
    """Return an object with all TYPES, and with NUMBERS in ``enum number``."""
    code = [f'#include "{path.name}"\n' for path in (TOP / SOURCES).glob("*.bpf.h")]
    code += [f"{kind} of_{kind.split()[1]};\n" for kind in TYPES]
    numbers = ", ".join(f"OF_{name} = {name}" for name in NUMBERS)
    code.append(f"enum number {{ {numbers} }} of_number;\n")
    with TemporaryDirectory() as folder:
        path = Path(folder, "types.o")
        command = [*compiler(), "-Wno-unused", "-DTARGET_x86_64", f"-I{SOURCES}", "-xc"]
        command += ["-c", "-", "-o", str(path)]
        subprocess.run(command, check=True, input="".join(code).encode(), cwd=TOP)
        return BpfObject(path)


def number(name: str) -> int:
    """Return what a macro of NUMBERS stands for."""
    return header().enum("number")[f"OF_{name}"]
