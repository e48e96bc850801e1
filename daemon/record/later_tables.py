"""Tables and columns that later schemas added: what a frame shows, silence, lenses that the stars gave."""

OBSERVED = """
level INTEGER, cover REAL, brightness REAL, aurora_index REAL, forms TEXT, form_probabilities TEXT,
azimuth_from_deg REAL, azimuth_to_deg REAL, lower_edge_deg REAL, upper_edge_deg REAL, overhead INTEGER,
distance_km REAL, poleward_deg REAL, arciness REAL, curvature REAL, green_share REAL, red_share REAL,
pink_share REAL, purple_share REAL, trend TEXT, drift TEXT, spread TEXT, mask BLOB,
star_zero REAL, star_gamma REAL
"""

THIRD = """
CREATE VIEW described AS
    SELECT camera, observed_at, verdict, level, trend, forms, cover, brightness, aurora_index, azimuth_deg,
        elevation_deg, azimuth_from_deg, azimuth_to_deg, lower_edge_deg, upper_edge_deg, overhead, distance_km,
        drift, spread, green_share, red_share, pink_share, purple_share, arciness, curvature
    FROM observations WHERE level > 0 ORDER BY observed_at DESC;

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
