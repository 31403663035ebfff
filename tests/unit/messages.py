"""Every message that the tool can print, found in its source."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(errors.__file__).parent

# Calls whose first argument is a message, and what is put before it.
CALLS = {
    "error": "",  # of the parser
    "warnings.add": "",
    "say": "",
    "step": "can't ",
    "super().__init__": "",  # of an error that makes its own sentence
    "TcpconnectError": "",
    "UsageError": "",
    "KernelError": "",
    "OutputError": "",
}
# Arguments that hold a message from elsewhere.
PASSED_ON = {
    "cli.py: f'tcpconnect: {problem}'": "any error",
    "cli.py: line": "a traceback, with -v",
    "errors.py: '; '.join((str(problem) for problem in problems))": "other errors",
    "errors.py: f'{line}; {remedy}' if remedy else line": "what the error was given",
    "info.py: '; '.join(warnings)": "any notice",
    "attempts.py: str(limit)": "an error that ends nothing",
    "lookups.py: str(limit)": "an error that ends nothing",
    "lossreport.py: f'tcpconnect: in total, {line}'": "MEANING",
    "lossreport.py: f'tcpconnect: warning: {line}'": "MEANING",
    "lossreport.py: f'tcpconnect: {warning}'": "any warning",
    "recording.py: target": "no message",
    "tracer.py: str(warning)": "an error that ends nothing",
    'object.py: f"can\'t {what}"': "what step() was given",
    "parsing.py: message": "argparse's errors, which a test of their own provokes",
    "command.py: f'tcpconnect: {error}'": "an error that ends nothing",
    "pipeline.py: f'tcpconnect: {error}'": "an error that ends nothing",
    "pipeline.py: f'tcpconnect: {notice}'": "an error that ends nothing",
    "signals.py: ''": "the end of a line",
    "signals.py: f'tcpconnect: {error}'": "an error that ends nothing",
    "parsing.py: sentence": "an error of arguments.py, behind the option",
    "settings.py: sentence": "an error of arguments.py, behind the member",
}


class Message(NamedTuple):
    """A message: its module, and the parts that are always the same, between values."""

    module: str
    parts: tuple[str, ...]

    @property
    def fixed(self) -> int:
        """How many characters are always the same."""
        return sum(map(len, self.parts))

    def matches(self, text: str) -> bool:
        """Tell whether the message can be this text."""
        pattern = ".*".join(map(re.escape, self.parts))
        return bool(re.fullmatch(pattern, text))


def messages() -> list[Message]:
    """Return all of them. Raises ValueError for one that is not understood."""
    found: list[Message] = []
    for name, tree in _trees():
        found += [Message(name, parts) for parts in _losses(tree)]
        for prefix, argument in _arguments(tree):
            if f"{name}: {ast.unparse(argument)}" not in PASSED_ON:
                texts = _texts(tree, argument)
                found += [Message(name, _parts(text, prefix, name)) for text in texts]
    return list(dict.fromkeys(found))


def arguments() -> set[str]:
    """Return what calls that take a message are given, as PASSED_ON names it."""
    return {
        f"{name}: {ast.unparse(argument)}"
        for name, tree in _trees()
        for _, argument in _arguments(tree)
    }


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCES.rglob("*.py")):
        yield path.name, ast.parse(path.read_text())


def _arguments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the first arguments of the CALLS, behind what is put before them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = f".{ast.unparse(node.func)}"
            for call, prefix in CALLS.items():
                if called.endswith(f".{call}"):
                    yield prefix, node.args[0]


def _texts(tree: ast.Module, argument: ast.expr) -> list[ast.expr]:
    """Return the argument, or what the function that makes it may return."""
    functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    called = ast.unparse(argument.func) if isinstance(argument, ast.Call) else ""
    if called not in functions:
        return [argument]
    body = ast.walk(functions[called])
    return [n.value for n in body if isinstance(n, ast.Return) and n.value]


def _losses(tree: ast.Module) -> Iterator[tuple[str, ...]]:
    """Yield the values of MEANING, without the remedies behind the semicolons."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MEANING":
            texts = ast.literal_eval(_without_values(node.value))
            for text in texts.values():
                yield tuple(text.partition(";")[0].split("{}"))


def _without_values(tree: ast.expr) -> ast.expr:
    """Return an expression whose f-strings are strings with ``{}`` for each value."""

    class Fixed(ast.NodeTransformer):
        def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.Constant:
            texts = [
                v.value if isinstance(v, ast.Constant) else "{}" for v in node.values
            ]
            return ast.Constant("".join(map(str, texts)))

    return Fixed().visit(tree)  # type: ignore[no-any-return]


def _parts(text: ast.expr, prefix: str, module: str) -> tuple[str, ...]:
    if not isinstance(text, (ast.Constant, ast.JoinedStr)):
        raise ValueError(f"{module}: what is {ast.unparse(text)}?")  # noqa: TRY004
    fixed = ast.literal_eval(_without_values(text))
    return tuple(f"{prefix}{fixed}".split("{}"))
