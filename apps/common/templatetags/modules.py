"""JavaScript modules without a build step, and without a browser finding out one after the other what they import."""

import re
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()
_IMPORT = re.compile(r'^import .* from "\./(\w+\.js)";$', re.MULTILINE)


@register.simple_tag
def preload_imports(*names: str) -> SafeString:
    """Links by which a browser fetches at once what these modules of static/js import, and what that imports, each once."""
    wanted = dict.fromkeys(each for name in names for each in imports(name))
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', ((static(f"js/{each}"),) for each in wanted))


@cache
def imports(name: str) -> list[str]:
    found = set[str]()
    waiting = {name}
    while waiting:
        new = set(_IMPORT.findall(Path(str(finders.find(f"js/{waiting.pop()}"))).read_text())) - found
        found |= new
        waiting |= new
    return sorted(found)
