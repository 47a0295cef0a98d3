"""Libraries that are linked and never of use here have small stand-ins, which say no."""

import re

import pytest

from tests.support.engine import in_image
from tests.support.image_tree import ImageTree

STAND_INS = re.compile(r"/lib(systemd|selinux|ldap-\w+)\.so[.\d]*$")
MOST_BYTES = 30_000
CONNECT = "import psycopg2; psycopg2.connect({!r})"


def test_they_are_small_and_nothing_else_came_with_the_real_ones(tree: ImageTree) -> None:
    found = {path: entry.size for path, entry in tree.files.items() if STAND_INS.search(path)}
    assert len(found) == 3
    assert max(found.values()) < MOST_BYTES
    assert [
        path for path in tree.entries if re.search(r"/lib(pcre2|sasl2|lber|crypt)[-.]", path)
    ] == []


def test_the_package_database_does_not_list_the_real_ones(tree: ImageTree) -> None:
    database = tree.content("/var/lib/dpkg/status").decode()
    packages = set(re.findall(r"^Package: (.+)$", database, re.MULTILINE))
    assert not packages & {"libsystemd0", "libselinux1", "libpcre2-8-0", "libldap2"}


def test_ps_knows_every_column_and_that_no_unit_of_systemd_is_here(image: str) -> None:
    done = in_image(image, "ps", "-o", "pid=,unit=,slice=,args=", "-p", "1")
    assert done.stdout.split()[:4] == ["1", "-", "-", "ps"], done.stderr


def test_ls_says_that_no_file_has_a_label(image: str) -> None:
    done = in_image(image, "ls", "-lZ", "/init")
    assert " ? " in done.stdout
    assert done.stderr == ""


def test_where_a_service_is_cannot_be_asked_of_ldap_and_libpq_says_so(image: str) -> None:
    program = (
        "import os, pathlib; path = pathlib.Path('/tmp/services');"
        "path.write_text('[x]\\nldap://127.0.0.1/dc=x?member?one?(cn=x)\\n');"
        "os.environ['PGSERVICEFILE'] = str(path);"
    )
    done = in_image(image, "python", "-c", program + CONNECT.format("service=x"))
    assert "OperationalError: could not create LDAP structure" in done.stderr


def test_kerberos_is_there(image: str) -> None:
    where = "host=127.0.0.1 port=1 user=x gssencmode=require"
    done = in_image(image, "python", "-c", CONNECT.format(where))
    assert "no credential cache" in done.stderr


@pytest.mark.parametrize("program", ["ls", "ps", "date", "env", "bash", "sh"])
def test_every_function_a_program_links_is_there(image: str, program: str) -> None:
    done = in_image(image, "env", "LD_BIND_NOW=1", program, "--version")
    assert "symbol lookup error" not in done.stderr
