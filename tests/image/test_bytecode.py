"""Modules in the image: ours with their source, others' as bytecode with their sources apart."""

import re

from tests.support.engine import in_image
from tests.support.image_tree import ImageTree

UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552: hash-based, not compared at import
OURS = ("/opt/edgepaas/", "/srv/app/", "/usr/lib/python3.13/sitecustomize.py")
OTHERS = ("/usr/lib/python3.13/", "/opt/venv/lib/")
TEMPLATES = "/alembic/templates/"
HEADER = 8
# Compiles some of the sources again: the same functions and classes, and each line where it was?
COMPARED = """
import marshal, pathlib, types
from importlib.machinery import SourcelessFileLoader

def inner(code):
    return [each for each in code.co_consts if isinstance(each, types.CodeType)]

def lines(code):
    return {line for _, _, line in code.co_lines() if line}

def agree(source, there):
    same = (source.co_name, source.co_firstlineno) == (there.co_name, there.co_firstlineno)
    same = same and lines(there) <= lines(source) and len(inner(source)) == len(inner(there))
    return same and all(map(agree, inner(source), inner(there)))

def differs(path):
    source = SourcelessFileLoader("x", str(path)).get_source("x")
    there = marshal.loads(path.read_bytes()[16:])
    return source is None or not agree(compile(source, str(path), "exec"), there)

found = [*pathlib.Path("/usr/lib/python3.13").rglob("*.pyc")]
found += pathlib.Path("/opt/venv/lib/python3.13/site-packages").rglob("*.pyc")
some = [path for path in sorted(found) if "__pycache__" not in path.parts][::25]
print(len(some), [str(path) for path in some if differs(path)], sep=chr(10))
"""


def test_our_modules_have_bytecode_beside_them(tree: ImageTree) -> None:
    modules = [path for path in tree.files if path.startswith(OURS) and path.endswith(".py")]
    compiled = {
        re.sub(r"/([^/]+)\.py$", r"/__pycache__/\1.cpython-313.pyc", path) for path in modules
    }
    assert modules
    assert compiled - tree.files.keys() == set()


def test_modules_of_others_are_bytecode_alone(tree: ImageTree) -> None:
    theirs = [path for path in tree.files if path.startswith(OTHERS) and not path.startswith(OURS)]
    assert len([path for path in theirs if path.endswith(".pyc")]) > 1000
    assert [path for path in theirs if path.endswith(".py") and TEMPLATES not in path] == []


def test_bytecode_is_never_compared(tree: ImageTree) -> None:
    compiled = {path for path in tree.files if path.endswith(".pyc")}
    headers = tree.contents(compiled, limit=HEADER)
    assert {header[4:] for header in headers.values()} == {UNCHECKED_HASH}


def test_bytecode_names_the_files_where_they_are(tree: ImageTree) -> None:
    compiled = "/opt/edgepaas/boot/__pycache__/exit_status.cpython-313.pyc"
    assert b"/opt/edgepaas/boot/exit_status.py" in tree.content(compiled)
    assert b"/usr/lib/python3.13/ast.py" in tree.content("/usr/lib/python3.13/ast.pyc")


def test_a_traceback_shows_the_lines_of_modules_without_a_source(image: str) -> None:
    program = "import json, sqlalchemy; sqlalchemy.create_engine('nonsense://')"
    done = in_image(image, "python", "-c", program)
    assert re.search(r'site-packages/sqlalchemy/\S+\.py", line \d+, in \w+\n    \w+', done.stderr)
    done = in_image(image, "python", "-c", "import json; json.loads('{')")
    assert 'File "/usr/lib/python3.13/json/decoder.py"' in done.stderr
    assert "obj, end = self.scan_once(s, idx)" in done.stderr


def test_sources_have_every_line_of_code_where_the_bytecode_says(image: str) -> None:
    done = in_image(image, "python", "-W", "ignore", "-c", COMPARED)
    seen, different = done.stdout.splitlines()
    assert int(seen) > 50, done.stderr
    assert different == "[]"


def test_the_source_of_a_module_can_be_read(image: str) -> None:
    done = in_image(image, "python", "-m", "inspect", "uvicorn.server")
    assert "class Server" in done.stdout, done.stderr


def test_what_only_type_checkers_read_is_not_there(image: str) -> None:
    program = (
        "import inspect, sqlalchemy.orm, typing; f = sqlalchemy.orm.Session.get;"
        "print(f.__annotations__, typing.get_overloads(sqlalchemy.orm.Session.execute));"
        "print('TYPE_CHECKING:\\n    pass' in inspect.getsource(sqlalchemy.orm.session))"
    )
    assert in_image(image, "python", "-c", program).stdout == "{} []\nTrue\n"


def test_commands_still_describe_themselves(image: str) -> None:
    done = in_image(image, "alembic", "--help")
    assert "Upgrade to a later version." in done.stdout
    done = in_image(image, "python", "-c", "import json; print(json.loads.__doc__)")
    assert done.stdout.strip().startswith("Deserialize")


def test_a_distribution_lists_files_that_are_there(image: str) -> None:
    program = (
        "from importlib.metadata import distributions;"
        "print([d.name for d in distributions() if not [f for f in d.files or () "
        "if f.suffix in {'.py', '.pyc', '.so'}]])"
    )
    assert in_image(image, "python", "-c", program).stdout == "[]\n"
