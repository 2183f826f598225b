"""The grammar of a message's template: which blanks it prints, and what in it is not defined.

A template prints blanks (`{{ area }}`), some in a form (`{{ hazard.danger }}`), and leaves out what was not given
(`{% if shelter %} ... {% else %} ... {% endif %}`). That is all: loops and calls could run forever.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notify.core.translation import gettext as _

Forms = Mapping[str, Collection[str]]  # of the words for a blank's value, by its name

_GRAMMAR = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_PLAIN = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.If, nodes.And, nodes.Or,
    nodes.Not,
)  # fmt: skip
DEEPEST = 20  # levels of the tree; the deepest of our own have seven


def parse(source: str) -> nodes.Template:
    """Parse a template. Raises ValueError with a text that completes "The template ..."."""
    try:
        return _GRAMMAR.parse(source)
    except TemplateSyntaxError as error:
        raise ValueError(_("is not a valid template: %(error)s", error=error)) from error
    except RecursionError:
        raise ValueError(_("is nested too deeply")) from None


def undefined(tree: nodes.Template, known: frozenset[str]) -> Iterator[str]:
    """Return what is wrong with the names in a template that are not known.

    Every name counts: Jinja's own `meta.find_undeclared_variables` leaves out `self` and globals such as `range`, which
    would be printed as Python objects.
    """
    names = list(tree.find_all(nodes.Name))
    own = {node.name for node in names if node.ctx == "store"}  # the variables of loops, which layouts have
    for name in sorted({node.name for node in names} - own - known):
        near = get_close_matches(name, known, n=1)
        if near:
            yield _("uses '%(name)s', which is not defined; is it '%(near)s'?", name=name, near=near[0])
        else:
            yield _("uses '%(name)s', which is not defined", name=name)


def undefined_forms(tree: nodes.Template, forms: Forms) -> Iterator[str]:
    """Return what is wrong with the forms that a template uses and the value does not have."""
    for node in tree.find_all(nodes.Getattr):
        blank = node.node.name if isinstance(node.node, nodes.Name) else ""
        if node.attr not in forms.get(blank, ()):
            formed = f"{blank}.{node.attr}"
            yield _("uses '%(name)s', which is not defined", name=formed)


def more_than_blanks(tree: nodes.Template) -> Iterator[str]:
    """Return what is wrong with a template that does more than print blanks and ask whether they were given."""
    for node, depth in _walk(tree, 0):
        if depth > DEEPEST:
            yield _("is nested too deeply")
            return
        if not isinstance(node, _PLAIN):
            yield _("has something other than blanks and {%% if %%} in line %(line)s", line=node.lineno)
            return


def formless(tree: nodes.Template, choices: Forms) -> Iterator[str]:
    """Return what is wrong with the choices that a template prints without saying in which form."""
    for output in tree.find_all(nodes.Output):
        formed = {id(node.node) for node in output.find_all(nodes.Getattr)}
        for name in output.find_all(nodes.Name):
            if name.name in choices and id(name) not in formed:
                ways = ", ".join(f"{name.name}.{form}" for form in choices[name.name])
                yield _("prints '%(name)s' without a form: write one of %(ways)s", name=name.name, ways=ways)


def printed(trees: Sequence[nodes.Template]) -> frozenset[str]:
    """Return the blanks that templates print, if they are given."""
    outputs = (output for tree in trees for output in tree.find_all(nodes.Output))
    return frozenset(name.name for output in outputs for name in output.find_all(nodes.Name))


def always_printed(trees: Sequence[nodes.Template]) -> frozenset[str]:
    """Return the blanks that templates print whatever else is given."""
    return frozenset().union(*(_always(tree.body) for tree in trees))


def _always(body: Sequence[nodes.Node]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for node in body:
        if isinstance(node, nodes.If):
            branches = (node.body, *(other.body for other in node.elif_), node.else_)
            found |= frozenset.intersection(*map(_always, branches))
        elif isinstance(node, nodes.Output):
            found |= frozenset(name.name for name in node.find_all(nodes.Name))
    return found


def _walk(node: nodes.Node, depth: int) -> Iterator[tuple[nodes.Node, int]]:
    yield node, depth
    if depth <= DEEPEST:
        for child in node.iter_child_nodes():
            yield from _walk(child, depth + 1)
