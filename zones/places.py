"""Well-known places, to describe where something lies. Longitude and latitude are accurate to about 5 km."""

import numpy as np
from pyproj import Geod

# fmt: off
# ruff: noqa: E501
_PLACES = """
New York|-74.0|40.7;Los Angeles|-118.2|34.1;Chicago|-87.6|41.9;Houston|-95.4|29.8;Phoenix|-112.1|33.4;Philadelphia|-75.2|39.95
San Antonio|-98.5|29.4;San Diego|-117.2|32.7;Dallas|-96.8|32.8;San Jose, California|-121.9|37.3;Austin|-97.7|30.3
Jacksonville|-81.7|30.3;Columbus, Ohio|-83.0|40.0;Charlotte|-80.8|35.2;San Francisco|-122.4|37.8;Indianapolis|-86.2|39.8
Seattle|-122.3|47.6;Denver|-105.0|39.7;Washington, D.C.|-77.0|38.9;Boston|-71.1|42.4;El Paso|-106.5|31.8;Nashville|-86.8|36.2
Detroit|-83.0|42.3;Oklahoma City|-97.5|35.5;Portland, Oregon|-122.7|45.5;Las Vegas|-115.1|36.2;Memphis|-90.0|35.1
Louisville|-85.8|38.3;Baltimore|-76.6|39.3;Milwaukee|-87.9|43.0;Albuquerque|-106.6|35.1;Tucson|-110.9|32.2;Fresno|-119.8|36.7
Sacramento|-121.5|38.6;Kansas City|-94.6|39.1;Atlanta|-84.4|33.7;Omaha|-95.9|41.3;Colorado Springs|-104.8|38.8
Raleigh|-78.6|35.8;Miami|-80.2|25.8;Norfolk, Virginia|-76.3|36.9;Minneapolis|-93.3|45.0;Tulsa|-96.0|36.1;Tampa|-82.5|27.9
New Orleans|-90.1|30.0;Wichita|-97.3|37.7;Cleveland|-81.7|41.5;Bakersfield|-119.0|35.4;Honolulu|-157.9|21.3
Anchorage|-149.9|61.2;Lexington, Kentucky|-84.5|38.0;St. Louis|-90.2|38.6;Pittsburgh|-80.0|40.4;Cincinnati|-84.5|39.1
Orlando|-81.4|28.5;Buffalo|-78.9|42.9;Richmond|-77.4|37.5;Boise|-116.2|43.6;Spokane|-117.4|47.7;Des Moines|-93.6|41.6
Salt Lake City|-111.9|40.8;Little Rock|-92.3|34.7;Birmingham, Alabama|-86.8|33.5;Mobile|-88.0|30.7;Jackson, Mississippi|-90.2|32.3
Charleston, South Carolina|-79.9|32.8;Columbia, South Carolina|-81.0|34.0;Savannah|-81.1|32.1;Knoxville|-83.9|36.0
Providence|-71.4|41.8;Hartford|-72.7|41.8;Albany|-73.8|42.7;Rochester, New York|-77.6|43.2;Portland, Maine|-70.3|43.7
Burlington, Vermont|-73.2|44.5;Manchester, New Hampshire|-71.5|43.0;Wilmington, Delaware|-75.5|39.7;Trenton|-74.8|40.2
Charleston, West Virginia|-81.6|38.3;Grand Rapids|-85.7|43.0;Madison|-89.4|43.1;Duluth|-92.1|46.8;Fargo|-96.8|46.9
Bismarck|-100.8|46.8;Sioux Falls|-96.7|43.5;Rapid City|-103.2|44.1;Billings|-108.5|45.8;Missoula|-114.0|46.9
Cheyenne|-104.8|41.1;Casper|-106.3|42.9;Reno|-119.8|39.5;Eureka, California|-124.2|40.8;Redding|-122.4|40.6
Eugene|-123.1|44.1;Bend|-121.3|44.1;Yakima|-120.5|46.6;Juneau|-134.4|58.3;Fairbanks|-147.7|64.8;Hilo|-155.1|19.7
Santa Fe|-105.9|35.7;Lubbock|-101.9|33.6;Amarillo|-101.8|35.2;Corpus Christi|-97.4|27.8;Brownsville|-97.5|25.9
Shreveport|-93.8|32.5;Baton Rouge|-91.2|30.5;Tallahassee|-84.3|30.4;Pensacola|-87.2|30.4;Panama City, Florida|-85.7|30.2
Sarasota|-82.5|27.3;Fort Myers|-81.9|26.6;West Palm Beach|-80.1|26.7;Key West|-81.8|24.6;Springfield, Missouri|-93.3|37.2
Springfield, Illinois|-89.6|39.8;Peoria|-89.6|40.7;Fort Wayne|-85.1|41.1;Evansville|-87.6|38.0;Toledo|-83.6|41.7;Dayton|-84.2|39.8
Topeka|-95.7|39.0;Lincoln, Nebraska|-96.7|40.8;Grand Junction|-108.6|39.1;Flagstaff|-111.7|35.2;Greensboro|-79.8|36.1
Asheville|-82.6|35.6;Roanoke|-79.9|37.3;Syracuse|-76.1|43.0;Scranton|-75.7|41.4;Harrisburg|-76.9|40.3;Erie|-80.1|42.1
San Juan, Puerto Rico|-66.1|18.4;Charlotte Amalie|-64.9|18.3;Hagatna, Guam|144.8|13.5;Pago Pago|-170.7|-14.3;Saipan|145.7|15.2
Toronto|-79.4|43.7;Montreal|-73.6|45.5;Vancouver|-123.1|49.3;Calgary|-114.1|51.0;Edmonton|-113.5|53.5;Ottawa|-75.7|45.4
Winnipeg|-97.1|49.9;Quebec|-71.2|46.8;Halifax|-63.6|44.6;St. John's|-52.7|47.6;Regina|-104.6|50.4;Whitehorse|-135.1|60.7
Yellowknife|-114.4|62.5;Mexico City|-99.1|19.4;Guadalajara|-103.3|20.7;Monterrey|-100.3|25.7;Tijuana|-117.0|32.5
Merida|-89.6|21.0;Havana|-82.4|23.1;Kingston|-76.8|18.0;Port-au-Prince|-72.3|18.5;Santo Domingo|-69.9|18.5
Guatemala City|-90.5|14.6;San Salvador|-89.2|13.7;Panama City|-79.5|9.0;Bogota|-74.1|4.7;Caracas|-66.9|10.5;Quito|-78.5|-0.2
Lima|-77.0|-12.0;La Paz|-68.1|-16.5;Santiago|-70.7|-33.4;Buenos Aires|-58.4|-34.6;Montevideo|-56.2|-34.9;Brasilia|-47.9|-15.8
Sao Paulo|-46.6|-23.5;Rio de Janeiro|-43.2|-22.9;Recife|-34.9|-8.1;Manaus|-60.0|-3.1;Belem|-48.5|-1.5;London|-0.1|51.5
Dublin|-6.3|53.3;Edinburgh|-3.2|55.9;Paris|2.3|48.9;Madrid|-3.7|40.4;Lisbon|-9.1|38.7;Rome|12.5|41.9;Berlin|13.4|52.5
Vienna|16.4|48.2;Zurich|8.5|47.4;Brussels|4.4|50.8;Amsterdam|4.9|52.4;Copenhagen|12.6|55.7;Oslo|10.8|59.9;Stockholm|18.1|59.3
Helsinki|24.9|60.2;Warsaw|21.0|52.2;Prague|14.4|50.1;Budapest|19.0|47.5;Athens|23.7|38.0;Tirana|19.8|41.3;Bucharest|26.1|44.4
Kyiv|30.5|50.5;Istanbul|29.0|41.0;Moscow|37.6|55.8;Reykjavik|-21.9|64.1;Cairo|31.2|30.0;Lagos|3.4|6.5;Accra|-0.2|5.6
Sao Tome|6.7|0.3;Dakar|-17.4|14.7;Nairobi|36.8|-1.3;Addis Ababa|38.7|9.0;Kinshasa|15.3|-4.3;Luanda|13.2|-8.8
Johannesburg|28.0|-26.2;Cape Town|18.4|-33.9;Antananarivo|47.5|-18.9;Casablanca|-7.6|33.6;Algiers|3.1|36.8;Tunis|10.2|36.8
Jerusalem|35.2|31.8;Riyadh|46.7|24.7;Dubai|55.3|25.2;Tehran|51.4|35.7;Karachi|67.0|24.9;Delhi|77.2|28.6;Mumbai|72.9|19.1
Dhaka|90.4|23.8;Colombo|79.9|6.9;Bangkok|100.5|13.8;Hanoi|105.8|21.0;Singapore|103.8|1.4;Jakarta|106.8|-6.2;Manila|121.0|14.6
Hong Kong|114.2|22.3;Shanghai|121.5|31.2;Beijing|116.4|39.9;Urumqi|87.6|43.8;Seoul|127.0|37.6;Tokyo|139.7|35.7;Novosibirsk|82.9|55.0
Yakutsk|129.7|62.0;Vladivostok|131.9|43.1;Anadyr|177.5|64.7;Perth|115.9|-31.9;Sydney|151.2|-33.9;Auckland|174.8|-36.8
Suva|178.4|-18.1;Papeete|-149.6|-17.5;Nuuk|-51.7|64.2;the North Pole|0|90;the South Pole|0|-90
"""
# fmt: on
_ELLIPSOID = Geod(ellps="WGS84")


def near(lon: float, lat: float) -> str:
    """Describe a point by the nearest well-known place: `12 km from Norfolk, Virginia`."""
    rows = [row.split("|") for line in _PLACES.strip().splitlines() for row in line.split(";")]
    lons, lats = np.array([row[1] for row in rows], float), np.array([row[2] for row in rows], float)
    _, _, metres = _ELLIPSOID.inv(np.full(len(rows), lon), np.full(len(rows), lat), lons, lats)
    nearest = int(np.argmin(metres))
    return f"{metres[nearest] / 1000:,.0f} km from {rows[nearest][0]}"
