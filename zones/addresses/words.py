"""The words of addresses, each with the abbreviation used for comparison.

Street types and directions are those of USPS Publication 28, appendix C1 and section 233, and other common forms.
"""


def _short_forms(table: str) -> dict[str, str]:
    """Read lines of an abbreviation and its other forms. Return the abbreviation by each form."""
    lines = [line.split() for line in table.strip().splitlines()]
    return {word: short for short, *others in lines for word in (short, *others)}


_TYPES = """
    ALY ALLEY ALLEE ALLY
    ARC ARCADE
    AVE AVENUE AV AVEN AVENU AVN AVNUE
    BLF BLUFF
    BLVD BOULEVARD BOUL BOULV BLV BVD
    BND BEND
    BRG BRIDGE BRDGE
    BYP BYPASS
    CIR CIRCLE CIRC CIRCL CRCL CRCLE
    CMN COMMON
    CONC CONCOURSE
    COR CORNER
    CRES CRESCENT CRSENT
    CRK CREEK
    CRST CREST
    CSWY CAUSEWAY
    CT COURT CRT
    CTR CENTER CENTRE CNTR
    CTS COURTS
    CV COVE
    DR DRIVE DRIV DRV
    DWY DRIVEWAY
    EST ESTATE
    ESTS ESTATES
    EXPY EXPRESSWAY EXP EXPR EXPRESS
    EXT EXTENSION EXTN
    FWY FREEWAY FRWY
    GDN GARDEN
    GDNS GARDENS
    GLN GLEN
    GRN GREEN
    GRV GROVE GROV
    HBR HARBOR
    HL HILL
    HLS HILLS
    HOLW HOLLOW
    HTS HEIGHTS HT
    HWY HIGHWAY HIGHWY HIWAY HWAY
    JCT JUNCTION
    KNL KNOLL
    LDG LANDING
    LK LAKE
    LN LANE LA
    LOOP
    MALL
    MDW MEADOW
    MDWS MEADOWS
    MEWS
    MNR MANOR
    OVAL OVL
    OVPS OVERPASS
    PARK PRK
    PASS
    PATH
    PIKE
    PKWY PARKWAY PARKWY PKY PKWAY
    PL PLACE PLC
    PLZ PLAZA PLZA
    PROM PROMENADE
    PSGE PASSAGE
    PT POINT
    RAMP
    RD ROAD
    RDG RIDGE
    RIV RIVER
    ROW
    RTE ROUTE
    RUN
    SPUR
    SQ SQUARE SQR SQU
    ST STREET STR STRT
    STA STATION
    TER TERRACE TERR TRCE
    TPKE TURNPIKE TRNPK
    TRAK TRACK
    TRL TRAIL
    TUNL TUNNEL
    TWP TOWNSHIP
    VIA
    VIS VISTA
    VLG VILLAGE
    VLY VALLEY
    VW VIEW
    WALK WLK
    WAY WY
    XING CROSSING
"""
TYPES = _short_forms(_TYPES)
DIRECTIONS = _short_forms("""
    N NORTH NO NTH
    S SOUTH SO STH
    E EAST
    W WEST
    NE NORTHEAST
    NW NORTHWEST
    SE SOUTHEAST
    SW SOUTHWEST
""")
LONG_DIRECTIONS = tuple(word for word in DIRECTIONS if len(word) >= 4)

# Words that are not a type at the beginning or in the middle of a name.
INSIDE = {"ST": "SAINT", "STE": "SAINT", "MT": "MOUNT", "FT": "FORT", "DR": "DOCTOR", "JUNIOR": "JR"}
# Other types inside a name are written out, so that `Cobbs Crek Pkwy` differs in few letters.
LONG_TYPES = {word: max(line.split(), key=len) for line in _TYPES.strip().splitlines() for word in line.split()}

UNITS = frozenset(
    "APT APARTMENT APARTMT APART UNIT STE SUITE RM ROOM BLDG BUILDING LOT SPC SPACE TRLR FL FLR FLOOR OFC DEPT".split()
)
ALONE = frozenset("REAR FRNT FRONT BSMT BASEMENT UPPR UPPER LOWR LOWER PH PENTHOUSE LBBY LOBBY".split())

NUMBER_WORDS = {
    word: n for n, word in enumerate("ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ELEVEN TWELVE".split(), 1)
}  # in front of a street, as in One S Wacker Dr

# Names of roads that people abbreviate, each with the form used for comparison. Roads with a number are below.
WHOLE_NAMES = (
    ("MARTIN LUTHER KING JR", ("DOCTOR MARTIN LUTHER KING JR", "DR MARTIN LUTHER KING JR", "DOCTOR MARTIN LUTHER KING",
                               "DR MARTIN LUTHER KING", "MARTIN LUTHER KING JR", "MARTIN LUTHER KING", "M L KING JR",
                               "M L KING", "ML KING JR", "ML KING", "DR MLK JR", "DR MLK", "MLK JR", "MLK")),
)  # fmt: skip
NUMBERED_ROADS = (
    ("COUNTY ROAD", ("COUNTY ROAD", "COUNTY RD", "CO ROAD", "CO RD", "CNTY ROAD", "CNTY RD", "CR")),
    ("STATE ROUTE", ("STATE ROUTE", "STATE RTE", "STATE RT", "STATE HIGHWAY", "STATE HWY", "STATE ROAD", "STATE RD",
                     "SR", "SH")),
    ("US HIGHWAY", ("US HIGHWAY", "US HWY", "US ROUTE", "US RTE", "US RT", "US")),
    ("INTERSTATE", ("INTERSTATE HIGHWAY", "INTERSTATE HWY", "INTERSTATE", "IH", "I")),
    ("FARM TO MARKET ROAD", ("FARM TO MARKET ROAD", "FARM TO MARKET RD", "FARM TO MARKET", "FM ROAD", "FM RD", "FM")),
)  # fmt: skip
PLAIN_ROADS = ("HIGHWAY", "HWY", "ROUTE", "RTE", "RT")  # these and a number are the whole name

_ONES = "FIRST SECOND THIRD FOURTH FIFTH SIXTH SEVENTH EIGHTH NINTH".split()
_TEENS = ("TENTH ELEVENTH TWELFTH THIRTEENTH FOURTEENTH FIFTEENTH SIXTEENTH SEVENTEENTH EIGHTEENTH NINETEENTH").split()
_TENS = "TWENTY THIRTY FORTY FIFTY SIXTY SEVENTY EIGHTY NINETY".split()
_TENTHS = "TWENTIETH THIRTIETH FORTIETH FIFTIETH SIXTIETH SEVENTIETH EIGHTIETH NINETIETH".split()
ORDINALS: dict[str, int] = (
    {word: n for n, word in enumerate(_ONES, 1)}
    | {word: n for n, word in enumerate(_TEENS, 10)}
    | {word: 10 * n for n, word in enumerate(_TENTHS, 2)}
    | {ten + one: 10 * n + m for n, ten in enumerate(_TENS, 2) for m, one in enumerate(_ONES, 1)}
)
TENS = frozenset(_TENS)

STATES = frozenset(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
    "PA PR RI SC SD TN TX UT VT VA WA WV WI WY USA ALABAMA ALASKA ARIZONA ARKANSAS CALIFORNIA COLORADO CONNECTICUT "
    "DELAWARE FLORIDA GEORGIA HAWAII IDAHO ILLINOIS INDIANA IOWA KANSAS KENTUCKY LOUISIANA MAINE MARYLAND "
    "MASSACHUSETTS MICHIGAN MINNESOTA MISSISSIPPI MISSOURI MONTANA NEBRASKA NEVADA OHIO OKLAHOMA OREGON PENNSYLVANIA "
    "TENNESSEE TEXAS UTAH VERMONT VIRGINIA WASHINGTON WISCONSIN WYOMING".split()
)

# Words that occur in the names of many cities.
IN_CITIES = frozenset(
    "CITY OF THE TOWN TOWNSHIP TWP BOROUGH BORO VILLAGE COUNTY NEW OLD SAN SANTA LOS LAS SAINT ST FORT FT MOUNT MT "
    "LAKE PORT GRAND BEACH HEIGHTS PARK SPRINGS".split()
)

_UPPER = frozenset("NB SB EB WB NE NW SE SW US II III IV".split())


def readable(name: str) -> str:
    """Return a name in capitals, as registers have it, in a more readable form: "N 19TH ST" becomes "N 19th St"."""
    if name != name.upper():
        return name
    return " ".join(word if len(word) == 1 or word in _UPPER else word.capitalize() for word in name.split())
