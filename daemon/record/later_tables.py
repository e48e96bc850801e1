"""Tables that later schemas added: what a frame shows, silence, lenses that the stars gave, cameras as they were."""

DESCRIBED = """CREATE VIEW described AS
    SELECT camera, observed_at, verdict, level, trend, forms, cover, brightness, aurora_index, azimuth_deg,
        elevation_deg, azimuth_from_deg, azimuth_to_deg, lower_edge_deg, upper_edge_deg, overhead, distance_km,
        drift, spread, green_share, red_share, pink_share, purple_share, arciness, curvature
    FROM observations WHERE level > 0 ORDER BY observed_at DESC"""

THIRD = f"""
{DESCRIBED};

CREATE TABLE snoozes (
    channel TEXT PRIMARY KEY,
    until TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE lenses (
    camera TEXT NOT NULL,
    found_at TEXT NOT NULL,
    disc TEXT NOT NULL,
    orientation TEXT NOT NULL,
    error_deg REAL,
    stars INTEGER,
    turned_deg REAL,
    PRIMARY KEY (camera, found_at)
) WITHOUT ROWID;

CREATE TABLE skies (
    camera TEXT PRIMARY KEY,
    json TEXT NOT NULL
) WITHOUT ROWID;
"""

FIFTH = """
CREATE TABLE cameras_fifth (
    name TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    latitude_deg REAL NOT NULL,
    longitude_deg REAL NOT NULL,
    elevation_m REAL,
    timezone TEXT NOT NULL,
    cadence_s REAL NOT NULL,
    orientation TEXT
) WITHOUT ROWID;

CREATE TABLE camera_history (
    camera TEXT NOT NULL,
    since TEXT NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (camera, since)
) WITHOUT ROWID;
"""
