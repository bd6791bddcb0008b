"""What a page's modules import is fetched at once: a module that is missing there is found out about a round later."""

import re
from pathlib import Path

from django.template import Context, Template

from apps.common.templatetags.modules import imports

ALL = sorted((Path(__file__).parents[2] / "static" / "js").glob("*.js"))


def test_imports_of_imports_are_named_once() -> None:
    assert imports("check.js") == ["dom.js"]
    assert {"detail.js", "tries.js", "phases.js", "dom.js"} <= set(imports("live.js"))
    assert len(imports("live.js")) == len(set(imports("live.js")))


def test_every_import_is_seen() -> None:
    for file in ALL:
        named = re.findall(r"[\w-]+\.js(?=\")", "".join(re.findall(r"^import.*?;", file.read_text(), re.MULTILINE | re.DOTALL)))
        assert set(named) <= set(imports(file.name)), file.name


def test_the_links_of_two_modules_name_what_both_import_once() -> None:
    links = Template('{% load modules %}{% preload_imports "check.js" "keys.js" %}').render(Context())
    assert links == '<link rel="modulepreload" href="/static/js/dom.js">'
