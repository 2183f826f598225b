"""Read files with GDAL, restricted to the few drivers that we need, with its errors as ZoneError."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pyogrio.core
import pyogrio.raw
from pyogrio.errors import CRSError, DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from shapely.errors import ShapelyError

from zones.errors import ZoneError
from zones.files import openrings
from zones.geojson import Gap

DRIVERS = ("ESRI Shapefile", "GPKG", "OpenFileGDB")
# Nothing that a file names is fetched, and no file is written next to the one that is read.
CONFIG = {
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none",
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GDAL_NUM_THREADS": "1",
    "OGR_SQLITE_LOAD_EXTENSIONS": "NO",
}
_UNREADABLE, _GAPS = "unreadable", "gaps"
_REFUSALS = (
    CRSError, DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, ShapelyError, ValueError,
)  # fmt: skip


def only_our_drivers() -> None:
    """Disable all other drivers in this process, because GDAL chooses a driver by content and not by name."""
    others = [name for name in pyogrio.list_drivers() if name not in DRIVERS]
    pyogrio.set_gdal_config_options({**CONFIG, "GDAL_SKIP": ",".join(others)})
    pyogrio.core._register_drivers()
    if not set(pyogrio.list_drivers()) <= set(DRIVERS):
        raise RuntimeError("GDAL still has other drivers")


def layers(path: Path, what: str) -> dict[str, str]:
    """Return the layers that have shapes, and the type of the shapes."""
    with _refusals(path, what):
        found = pyogrio.list_layers(path)
    return {str(name): str(kind) for name, kind in found if kind is not None}


def read(path: Path, layer: str, what: str, **more: Any) -> gpd.GeoDataFrame:
    """Read a layer with its shapes; curves become lines. `what` names the kind of file in an error.

    Open rings are closed (`gaps`). A shape that cannot be read is None, and its row is in `unreadable(frame)`.
    """
    pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": "YES"})
    try:
        with _refusals(path, what), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about measures and curves, which become plain lines
            frame = pyogrio.read_dataframe(path, layer=layer, datetime_as_string=True, on_invalid="ignore", **more)
            if isinstance(frame, gpd.GeoDataFrame) and (missing := np.flatnonzero(frame.geometry.isna())).size:
                _, _, as_stored, _ = pyogrio.raw.read(path, layer=layer, columns=[], **more)
                return _closed(
                    frame, {int(row): bytes(as_stored[row]) for row in missing if as_stored[row] is not None}
                )
            return frame
    finally:
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})


def _closed(frame: gpd.GeoDataFrame, stored: Mapping[int, bytes]) -> gpd.GeoDataFrame:
    """Fill in the shapes that GEOS refused because of an open ring. `stored`: WKB by row."""
    closed = {row: openrings.close(wkb) for row, wkb in stored.items()}
    shapes = frame.geometry.tolist()
    for row, found in closed.items():
        shapes[row] = found and found[0]
    frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    frame.attrs[_UNREADABLE] = [row for row, found in closed.items() if found is None]
    frame.attrs[_GAPS] = {row: found[1] for row, found in closed.items() if found}
    return frame


def gaps(frame: gpd.GeoDataFrame) -> dict[int, Sequence[Gap]]:
    """Return, by row, the gaps of rings that have been closed, in the coordinates of the file."""
    return dict(frame.attrs.get(_GAPS, {}))


def unreadable(frame: gpd.GeoDataFrame) -> list[int]:
    """Return the rows whose shape is in the file but cannot be read by GEOS."""
    return list(frame.attrs.get(_UNREADABLE, ()))


@contextmanager
def _refusals(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise ZoneError(
            f"The texts in the {what} are not in the encoding that it declares.",
            hint="Give the right one, such as --encoding cp1252.",
        ) from None
    except UnboundLocalError:  # raised by pyogrio 0.13 for a .prj that is not UTF-8
        raise ZoneError("Its .prj file cannot be read.", hint="Remove it from the zip and give --crs.") from None
    except _REFUSALS as error:
        raise ZoneError(
            f"The {what} cannot be read.", hint="Is it damaged? Export it again.", details=[_first_line(error, path)]
        ) from None


def _first_line(error: Exception, path: Path) -> str:
    """Return the first line of GDAL's error, without our temporary folder."""
    line = str(error).replace(str(path.parent) + "/", "").strip().splitlines()
    return line[0][:200] if line else type(error).__name__
