"""The JSON Schema of the configuration: editors with it accept what holdfast accepts, and refuse most
of what it refuses. What only the whole configuration can tell, no schema knows."""

import json
import re
import subprocess

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.binary import SOURCE_ROOT
from harness.holdfast import bare_environment

CONF = SOURCE_ROOT / "conf"
BAD = SOURCE_ROOT / "tests" / "config" / "bad"
SCHEMA = json.loads((CONF / "holdfast.schema.json").read_text(encoding="utf-8"))


class Loader(yaml.SafeLoader):
    """YAML 1.2 as editors read it: `off` is a word, and a key given twice is an error."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len({str(key) for key in keys}) < len(keys):
            raise yaml.YAMLError("a key is given twice")
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not re.search("bool|int|float", tag)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), "tf")
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[0-9]+$"), "0123456789")


def complaints(text: str) -> list[str]:
    tree = yaml.load(text, Loader)
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(tree)]


def errors_expected(name: str) -> str:
    return (BAD / f"{name}.expected").read_text(encoding="utf-8")


# What holdfast refuses for a reason that no schema can see: a name that must exist elsewhere, text
# that is valid in itself but does not fit the rest, what YAML leaves to the reader, and numbers with
# units beyond their range.
BEYOND_A_SCHEMA = re.compile(
    r"unknown upstream|is that of listeners|is that of status|is named twice|is out of range|too long a duration|"
    r"too large a|too like a keyword|environment variable|is not a variable|stands alone|"
    r"not supported|nested deeper|second document|more than \d+ values|'\$\{|"
    r"one of them would never be taken|never matches|is not an address|is not a server|is not a network|is not a host name")


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_program_prints_the_schema(binary):
    printed = subprocess.run([binary, "config", "schema"], capture_output=True, check=True,
                             timeout=60, env=bare_environment()).stdout
    assert json.loads(printed) == SCHEMA


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.name)
def test_a_sample_fits_the_schema(path):
    assert complaints(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.name)
def test_what_is_shown_of_a_sample_fits_the_schema(binary, path):
    shown = subprocess.run([binary, "config", "show", path], capture_output=True, text=True,
                           check=True, timeout=60, env=bare_environment()).stdout
    assert complaints(shown) == []


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_bad_configuration_does_not_fit_the_schema(path):
    expected = errors_expected(path.stem)
    if path.stem.startswith(("warning_", "variable_")) or BEYOND_A_SCHEMA.search(expected):
        return
    try:
        assert complaints(path.read_text(encoding="utf-8")) != []
    except (yaml.YAMLError, UnicodeError):
        pass  # Not YAML: an editor says so without a schema.
