"""The names and phone numbers of the training city. All of them are invented."""

from datetime import UTC, datetime, timedelta

NEIGHBOURHOODS = (
    "Harbor Point",
    "Saltmarsh",
    "Millrace",
    "Foundry Row",
    "Old Town",
    "Riverside",
    "Lantern Hill",
    "Orchard Park",
    "Stonebridge",
    "Fairview",
    "North Common",
    "Kingfisher",
)
_TREES = (
    "Alder Ash Aspen Beech Birch Cedar Cherry Chestnut Cypress Dogwood Elder Elm Fir Hawthorn Hazel Hemlock "
    "Hickory Holly Juniper Larch Laurel Linden Locust Magnolia Maple Mulberry Oak Olive Pear Pine Plum Poplar "
    "Redbud Rowan Spruce Sumac Sycamore Tamarack Tupelo Walnut Willow Yew"
).split()
_BIRDS = (
    "Avocet Bittern Bluebird Bunting Cardinal Condor Cormorant Crane Curlew Dove Dunlin Eagle Egret Falcon Finch "
    "Flicker Goldfinch Goshawk Grebe Grouse Gull Harrier Hawk Heron Ibis Jay Kestrel Killdeer Kinglet Lark Loon "
    "Mallard Martin Merlin Nuthatch Oriole Osprey Ovenbird Owl Partridge Pelican Petrel Phoebe Pipit Plover "
    "Puffin Quail Rail Raven Robin Sandpiper Sparrow Starling Swallow Swift Tanager Teal Tern Thrush Towhee Vireo "
    "Warbler Waxwing Wigeon Wren"
).split()
_FIRST = (
    "Ada Alma Ana Aria Beto Bram Cara Celia Cleo Dario Dina Elio Elsa Ema Enzo Faye Gael Gina Hugo Ida Ines Ivo "
    "Jana Joel Juno Kai Lena Leo Lia Luca Luz Mara Mila Milo Nadia Nico Nora Olga Omar Pia Remy Rosa Ruth Sara "
    "Sol Tess Theo Uma Vera Vito Wes Yara Zoe"
).split()
_LAST = (
    "Abbot Alvar Barley Bell Bryce Calder Carro Dale Delmar Draper Ellery Ferro Finch Garrow Hale Harrow Ibarra "
    "Jessup Keel Lark Lorca Marlow Mercer Nash Norte Olmos Orr Pardo Pell Quill Ramsey Reyes Rook Sable Salas "
    "Tamsin Thorne Urban Vale Vance Varga Wick Wynn Yarrow Zell"
).split()
CONSENT_HOW = ("web form", "paper form at the library", "call to 311", "text to join", "city fair")

# Area codes of the United States. With 555 and four digits they make numbers that nobody has: 555-0100 to 0199 are
# reserved for fiction; the numbers after them, needed for a larger city, have no subscribers.
AREA_CODES = tuple(
    int(code)
    for code in (
        "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 "
        "251 252 253 254 256 260 262 267 269 270 272 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 "
        "316 317 318 319 320 321 323 325 330 331 334 336 337 339 346 347 351 352 360 361 385 386 401 402 404 405 "
        "406 407 408 409 410 412 413 414 415 417 419 423 424 425 430 432 434 435 440 442 443 469 470 475 478 479 "
        "480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 531 534 539 540 541 551 559 "
        "561 562 563 567 570 571 573 574 575 580 585 586 601 602 603 605 606 607 608 609 610 612 614 615 616 617 "
        "618 619 620 623 626 628 629 630 631 636 641 646 650 651 657 660 661 662 667 669 678 681 682 701 702 703 "
        "704 706 707 708 712 713 714 715 716 717 718 719 720 724 725 727 731 732 734 737 740 747 754 757 760 762 "
        "763 765 769 770 772 773 774 775 779 781 785 786 801 802 803 804 805 806 808 810 812 813 814 815 816 817 "
        "818 828 830 831 832 843 845 847 848 850 854 856 857 858 859 860 862 863 864 865 870 872 878 901 903 904 "
        "906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 929 930 931 934 936 937 938 940 941 947 "
        "949 951 952 954 956 959 970 971 972 973 978 979 980 984 985 989"
    ).split()
)
_FIRST_LINE = 100
_IN_SERVICE = (1212,)  # directory assistance
_TODAY = datetime(2026, 11, 1, 15, 0, tzinfo=UTC)


def avenues(count: int) -> list[str]:
    return [f"{_TREES[i]} Avenue" for i in range(count)]


def streets(count: int) -> list[str]:
    return [f"{_BIRDS[i]} Street" for i in range(count)]


def person(first: int, last: int) -> tuple[str, str]:
    return _FIRST[first % len(_FIRST)], _LAST[last % len(_LAST)]


def phone(person_number: int) -> str:
    """Return a person's own number, E.164: 555-01xx in all area codes first, then upward."""
    line = _FIRST_LINE + person_number // len(AREA_CODES)
    line += sum(1 for taken in _IN_SERVICE if taken <= line)
    return f"+1{AREA_CODES[person_number % len(AREA_CODES)]}555{line:04}"


def moment(days_ago: int, person_number: int) -> str:
    """Return the time of a consent, ISO 8601."""
    return (_TODAY - timedelta(days=days_ago, seconds=person_number * 37 % 28_800)).isoformat()
