"""The tables of space weather, as migration m003 makes them. Once released, they change by a further migration."""

SPACE_TABLES = """
CREATE TABLE solar_wind (
    at TEXT PRIMARY KEY,
    bt_nt REAL,
    by_nt REAL,
    bz_nt REAL,
    speed_km_s REAL,
    density_cm3 REAL,
    temperature_k REAL,
    field_source TEXT,
    plasma_source TEXT,
    fetched_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE geomagnetic_indices (
    name TEXT NOT NULL,
    at TEXT NOT NULL,
    value REAL NOT NULL,
    fetched_at TEXT NOT NULL,
    PRIMARY KEY (name, at)
) WITHOUT ROWID;

CREATE TABLE aurora_forecasts (
    camera TEXT NOT NULL,
    at TEXT NOT NULL,
    based_on TEXT NOT NULL,
    percent REAL NOT NULL,
    fetched_at TEXT NOT NULL,
    PRIMARY KEY (camera, at)
) WITHOUT ROWID;

CREATE TABLE magnetic_field (
    station TEXT NOT NULL,
    at TEXT NOT NULL,
    x_nt REAL NOT NULL,
    y_nt REAL NOT NULL,
    z_nt REAL,
    fetched_at TEXT NOT NULL,
    PRIMARY KEY (station, at)
) WITHOUT ROWID;

CREATE TABLE space_weather_feeds (
    feed TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    licence TEXT NOT NULL,
    address TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    newest_at TEXT,
    fault TEXT NOT NULL
) WITHOUT ROWID;
"""
