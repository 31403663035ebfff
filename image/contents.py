"""What the image has: a list as of SPDX 2.3, from the databases of dpkg and pip."""

from __future__ import annotations

import hashlib
import json
import re
import time
from email.parser import HeaderParser
from importlib.metadata import Distribution, distributions
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from image.packages import STATUS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "tcpconnect-image"
NAMESPACE = "https://spdx.org/spdxdocs"
DOCUMENT = "SPDXRef-DOCUMENT"
TOP = "SPDXRef-image"
UNSAID = "NOASSERTION"
# Expressions of the SPDX: licenses by their identifiers, joined.
EXPRESSION = re.compile(r"\(*[A-Za-z0-9.+-]+\)*( (AND|OR|WITH) \(*[A-Za-z0-9.+-]+\)*)*")
# A library as auditwheel calls it: with a part of its sum.
BUNDLED = re.compile(
    r"[^/]+\.libs/(?P<name>[^/]+?)-[0-9a-f]{8}(?P<so>\.so[0-9.]*)", re.ASCII
)
WORDS_OF_PROSE = {"BSD", "MIT License", "Apache"}  # no identifiers


def contents(root: Path, site: Path, suite: str, version: str, epoch: int) -> str:
    """Return the list of what is in a root, with Python's packages in ``site``."""
    packages = [*_debian(root, suite), *_python(site)]
    inside = [*_bundled(root, site)]
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    digest = hashlib.sha256(
        json.dumps([packages, inside, created]).encode()
    ).hexdigest()
    image = {
        "SPDXID": TOP,
        "name": NAME,
        "versionInfo": version,
        "downloadLocation": UNSAID,
        "filesAnalyzed": False,
        "primaryPackagePurpose": "CONTAINER",
    }
    whole = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": f"{NAME}-{version}",
        "documentNamespace": f"{NAMESPACE}/{NAME}-{version}-{digest}",
        "creationInfo": {"created": created, "creators": ["Tool: tcpconnect-image"]},
        "packages": [image, *packages, *(library for _, library in inside)],
        "relationships": [
            _relation(DOCUMENT, "DESCRIBES", TOP),
            *(_relation(TOP, "CONTAINS", each["SPDXID"]) for each in packages),
            *(_relation(owner, "CONTAINS", each["SPDXID"]) for owner, each in inside),
        ],
    }
    return json.dumps(whole, indent=1) + "\n"


def _relation(one: str, kind: str, other: str) -> dict[str, str]:
    return {
        "spdxElementId": one,
        "relationshipType": kind,
        "relatedSpdxElement": other,
    }


def _debian(root: Path, suite: str) -> Iterator[dict[str, Any]]:
    for path in sorted((root / STATUS).iterdir()):
        if path.suffix == ".md5sums":
            continue
        fields = HeaderParser().parsestr(path.read_text())
        name, version = fields["Package"], fields["Version"]
        place = (
            f"{quote(version, safe='')}?arch={fields['Architecture']}&distro={suite}"
        )
        yield {
            **_package("deb", name, version, f"pkg:deb/debian/{quote(name)}@{place}"),
            "supplier": f"Organization: {fields['Maintainer']}",
        }


def _python(site: Path) -> Iterator[dict[str, Any]]:
    found = distributions(path=[str(site)])
    for each in sorted(found, key=lambda each: each.metadata["Name"].lower()):
        name, version = each.metadata["Name"], each.version
        where = re.sub(r"[-_.]+", "-", name).lower()
        yield {
            **_package("python", name, version, f"pkg:pypi/{where}@{version}"),
            "licenseDeclared": _license(each),
        }


def _bundled(root: Path, site: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield libraries that wheels bring with them, and the package that has each.

    No database has their versions; who knows the file knows them by its sum.
    """
    for each in distributions(path=[str(site)]):
        owner = each.metadata["Name"]
        for file in each.files or ():
            found = BUNDLED.fullmatch(str(file))
            if found:
                path = site / file
                name = found["name"] + found["so"]
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                yield (
                    _id("python", owner),
                    {
                        "SPDXID": _id("bundled", f"{owner}-{path.name}"),
                        "name": name,
                        "packageFileName": f"/{path.relative_to(root)}",
                        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
                        "downloadLocation": UNSAID,
                        "filesAnalyzed": False,
                        "primaryPackagePurpose": "LIBRARY",
                    },
                )


def _license(each: Distribution) -> str:
    """Return the license that a package declares, if that is an expression."""
    expression = each.metadata["License-Expression"]
    said = expression or each.metadata["License"] or ""
    if said in WORDS_OF_PROSE or not EXPRESSION.fullmatch(said):
        return UNSAID
    return str(said)


def _id(kind: str, name: str) -> str:
    return f"SPDXRef-{kind}-{re.sub('[^A-Za-z0-9.-]', '-', name)}"


def _package(kind: str, name: str, version: str, where: str) -> dict[str, Any]:
    return {
        "SPDXID": _id(kind, name),
        "name": name,
        "versionInfo": version,
        "downloadLocation": UNSAID,
        "filesAnalyzed": False,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": where,
            }
        ],
    }
