"""What `zones` says about an area, in the reader's language: that package knows none but English."""

from notify.city.zone_file_words import OF_FILES
from notify.core.restated import Sentences
from notify.core.translation import gettext_noop

# Its messages and hints, word for word, with a placeholder for each value.
OF_AREAS = (
    gettext_noop("It lies outside the city. Are its latitude and longitude swapped?"),
    gettext_noop("It lies outside the city: longitude %(west)s to %(east)s, latitude %(south)s to %(north)s."),
    gettext_noop("It covers the whole city."),
    gettext_noop("Nothing is left of the area: all of it is excluded."),
    gettext_noop("Exclude less."),
    gettext_noop("There is no line in it."),
    gettext_noop("A corridor runs along lines."),
    gettext_noop("A distance of %(metres)s m makes no area."),
    gettext_noop("Use up to %(metres)s m."),
    gettext_noop("It is a line without points."),
    gettext_noop("It is a line without length."),
    gettext_noop("Give at least two different points."),
    gettext_noop("A radius of %(metres)s m makes no area."),
    gettext_noop("Use more than 0 and at most 1000000 m."),
    gettext_noop("It is empty."),
    gettext_noop("It has no area."),
    gettext_noop("There is no polygon in it."),
    gettext_noop("It holds a %(kind)s, not a polygon."),
    gettext_noop("Feature %(number)s has no geometry."),
    gettext_noop("Its coordinates are not all numbers."),
    gettext_noop("It lies outside the world: longitude %(west)s to %(east)s, latitude %(south)s to %(north)s."),
    gettext_noop("Coordinates are longitude, latitude in degrees (WGS 84)."),
    gettext_noop("Its coordinates are in %(crs)s."),
    gettext_noop("Convert it to WGS 84, or import it as a zone."),
    gettext_noop("Its border runs across it %(times)s times; at most %(most)s can be used."),
    gettext_noop("The drawn shapes have %(corners)s corners; at most %(most)s can be used."),
    gettext_noop("Simplify it, or draw it again."),
    gettext_noop("Simplify it, or import it as a zone."),
    gettext_noop("The area was not computed within %(seconds)s seconds, so it was given up."),
    gettext_noop("Computing the area takes too much memory."),
    gettext_noop("Give a GeoJSON polygon."),
    gettext_noop("It is not UTF-8 text, as GeoJSON must be."),
    gettext_noop("It is not JSON, or is nested too deeply."),
    gettext_noop("It is not JSON: %(why)s at line %(line)s, column %(column)s."),
    gettext_noop("It is not GeoJSON: it is not an object."),
    gettext_noop("It is not GeoJSON: its type is %(kind)s."),
    gettext_noop("Save it as UTF-8."),
    gettext_noop("Export it again."),
    gettext_noop("Export it as GeoJSON again."),
    gettext_noop("The coordinates of a %(kind)s cannot be read."),
    gettext_noop("It is not a GeoPackage."),
    gettext_noop("There is no such file."),
)

SENTENCES = Sentences(*OF_AREAS, *OF_FILES)


def said(text: str) -> str:
    """Return what `zones` said in the reader's language; an unknown sentence as it is."""
    return SENTENCES.said(text)
