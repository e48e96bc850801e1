-- The database of schema m003_description, as its release wrote it. Never edited.
PRAGMA application_id = 1096110660;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'aurorad','m001_first','2026-11-20 12:00:00.000000+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'aurorad','m002_names','2026-11-26 11:43:09.199973+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'aurorad','m003_description','2026-11-27 15:09:22.793094+00:00');
CREATE TABLE aurora_forecasts (
    camera TEXT NOT NULL,
    at TEXT NOT NULL,
    based_on TEXT NOT NULL,
    percent REAL NOT NULL,
    fetched_at TEXT NOT NULL,
    PRIMARY KEY (camera, at)
) WITHOUT ROWID;
CREATE TABLE cameras (
    name TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    latitude_deg REAL NOT NULL,
    longitude_deg REAL NOT NULL,
    elevation_m REAL NOT NULL,
    timezone TEXT NOT NULL,
    cadence_s REAL NOT NULL,
    orientation TEXT
) WITHOUT ROWID;
CREATE TABLE columns (
    camera TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    rgb BLOB NOT NULL,
    PRIMARY KEY (camera, observed_at)
) WITHOUT ROWID;
INSERT INTO "columns" VALUES('yellowknife','2024-02-10T04:50:03Z',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F7071727374757677000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F7071727374757677000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F7071727374757677');
CREATE TABLE conditions (
    condition TEXT PRIMARY KEY,
    since TEXT NOT NULL,
    over_since TEXT,
    camera TEXT NOT NULL DEFAULT '',
    over_text TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE event_states (
    camera TEXT PRIMARY KEY,
    json TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "event_states" VALUES('yellowknife','{"event": null}');
CREATE TABLE events (
    id TEXT PRIMARY KEY,
    camera TEXT NOT NULL,
    onset_at TEXT NOT NULL,
    confirmed_at TEXT NOT NULL,
    strong_at TEXT,
    ended_at TEXT,
    ended_reason TEXT,
    peak_probability REAL NOT NULL,
    peak_at TEXT,
    in_cool_down INTEGER NOT NULL
, peak_level INTEGER);
INSERT INTO "events" VALUES('yellowknife-20240210T045003Z','yellowknife','2024-02-10T04:50:03Z','2024-02-10T04:51:03Z',NULL,NULL,NULL,0.8,'2024-02-10T04:50:03Z',0,NULL);
CREATE TABLE geomagnetic_indices (
    name TEXT NOT NULL,
    at TEXT NOT NULL,
    value REAL NOT NULL,
    fetched_at TEXT NOT NULL,
    PRIMARY KEY (name, at)
) WITHOUT ROWID;
CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    camera TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    label TEXT NOT NULL CHECK (label IN ('aurora', 'none', 'obscured')),
    labelled_by TEXT NOT NULL,
    labelled_at TEXT NOT NULL,
    queue TEXT NOT NULL DEFAULT '',
    event_id TEXT,
    model_sha256 TEXT,
    model_probability REAL,
    model_verdict TEXT,
    undone_at TEXT
);
INSERT INTO "labels" VALUES(1,'yellowknife','2024-02-10T04:50:03Z','aurora','anna','2024-02-10T04:55:03Z','','yellowknife-20240210T045003Z','abababababababababababababababababababababababababababababababab',0.8,'aurora',NULL);
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
CREATE TABLE magnetic_field (
    station TEXT NOT NULL,
    at TEXT NOT NULL,
    x_nt REAL NOT NULL,
    y_nt REAL NOT NULL,
    z_nt REAL,
    fetched_at TEXT NOT NULL,
    PRIMARY KEY (station, at)
) WITHOUT ROWID;
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    card TEXT NOT NULL,
    first_used_at TEXT NOT NULL
);
INSERT INTO "models" VALUES(1,'abababababababababababababababababababababababababababababababab','aurorad-b1','{"skill": 0.97}','2024-02-10T04:55:03Z');
CREATE TABLE mornings (
    camera TEXT PRIMARY KEY,
    done TEXT NOT NULL,
    done_at TEXT NOT NULL,
    reading TEXT NOT NULL,
    begun INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE movies (
    camera TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    undated INTEGER NOT NULL,
    PRIMARY KEY (camera, name)
) WITHOUT ROWID;
CREATE TABLE nights (
    camera TEXT NOT NULL,
    night TEXT NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    observations INTEGER NOT NULL,
    aurora INTEGER NOT NULL,
    clear INTEGER NOT NULL,
    obscured INTEGER NOT NULL,
    not_looked INTEGER NOT NULL,
    stale INTEGER NOT NULL,
    moon_quarter INTEGER NOT NULL,
    moon_full INTEGER NOT NULL,
    peak_probability REAL,
    peak_at TEXT,
    PRIMARY KEY (camera, night)
) WITHOUT ROWID;
INSERT INTO "nights" VALUES('yellowknife','2024-02-10','2024-02-10T04:50:03Z','2024-02-10T04:51:03Z',2,1,0,0,1,0,2,0,0.8,'2024-02-10T04:50:03Z');
CREATE TABLE observations (
    camera TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    probability REAL,
    calibrated_probability REAL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    sun_altitude_deg REAL NOT NULL,
    moon_altitude_deg REAL NOT NULL,
    moon_phase_deg REAL NOT NULL,
    twilight TEXT NOT NULL,
    moonlight TEXT NOT NULL,
    threshold REAL,
    clear_probability REAL,
    shadow_probability REAL,
    colour_cover REAL,
    colour_level INTEGER,
    heatmap_area REAL,
    azimuth_deg REAL,
    elevation_deg REAL,
    heatmap BLOB,
    model INTEGER REFERENCES models(id),
    source INTEGER REFERENCES sources(id),
    file TEXT,
    fetched_after_s INTEGER NOT NULL DEFAULT 0,
    recorded_after_s INTEGER NOT NULL DEFAULT 0,
    fetched_at TEXT GENERATED ALWAYS AS
        (strftime('%Y-%m-%dT%H:%M:%SZ', observed_at, fetched_after_s || ' seconds')) VIRTUAL,
    recorded_at TEXT GENERATED ALWAYS AS
        (strftime('%Y-%m-%dT%H:%M:%SZ', observed_at, (fetched_after_s + recorded_after_s) || ' seconds'))
        VIRTUAL, stars TEXT, star_limit REAL, star_zero REAL, star_gamma REAL, level INTEGER, cover REAL, brightness REAL, aurora_index REAL, forms TEXT, form_probabilities TEXT, azimuth_from_deg REAL, azimuth_to_deg REAL, lower_edge_deg REAL, upper_edge_deg REAL, overhead INTEGER, distance_km REAL, poleward_deg REAL, arciness REAL, curvature REAL, green_share REAL, red_share REAL, pink_share REAL, purple_share REAL, trend TEXT, drift TEXT, spread TEXT, mask BLOB,
    PRIMARY KEY (camera, observed_at)
) WITHOUT ROWID;
INSERT INTO "observations" VALUES('yellowknife','2024-02-10T04:50:03Z',0.9,0.8,'aurora','aurora',-31.25,14.5,98.75,'night','quarter',0.5,0.7,NULL,0.125,2,0.25,312.0,35.0,X'0004080C1014181C2024282D3135393D4145494D5155595D6165696D7175797D82868A8E92969A9EA2A6AAAEB2B6BABEC2C6CACED2D7DBDFE3E7EBEFF3F7FBFF',1,1,NULL,12,288,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "observations" VALUES('yellowknife','2024-02-10T04:51:03Z',NULL,NULL,'not looked','civil twilight',-31.25,14.5,98.75,'night','quarter',0.5,NULL,NULL,0.125,2,0.25,312.0,35.0,NULL,NULL,1,NULL,12,228,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    audience TEXT NOT NULL,
    camera TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    picture TEXT,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT NOT NULL,
    claimed_at TEXT,
    delivered_at TEXT,
    expired_at TEXT,
    last_error TEXT,
    UNIQUE (event_id, kind, channel)
);
INSERT INTO "outbox" VALUES(1,'yellowknife-20240210T045003Z','onset','phone','aurora','yellowknife','t','b',NULL,'2024-02-10T04:50:03Z','2024-02-10T16:50:03Z',0,'2024-02-10T04:50:03Z',NULL,NULL,NULL,NULL);
CREATE TABLE pictures (
    camera TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (camera, observed_at)
) WITHOUT ROWID;
INSERT INTO "pictures" VALUES('yellowknife','2024-02-10T04:50:03Z','yellowknife/2024-02-10/0.jpg');
CREATE TABLE skies (
    camera TEXT PRIMARY KEY,
    json TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE snoozes (
    channel TEXT PRIMARY KEY,
    until TEXT NOT NULL
) WITHOUT ROWID;
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
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
INSERT INTO "sources" VALUES(1,'auroramaxHD_20240210_720p.mp4');
CREATE TABLE space_weather_feeds (
    feed TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    licence TEXT NOT NULL,
    address TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    newest_at TEXT,
    fault TEXT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX events_by_onset ON events (camera, onset_at);
CREATE INDEX outbox_waiting ON outbox (next_attempt_at)
    WHERE delivered_at IS NULL AND expired_at IS NULL;
CREATE INDEX labels_by_frame ON labels (camera, observed_at);
CREATE INDEX labels_by_event ON labels (event_id) WHERE event_id IS NOT NULL;
CREATE VIEW described AS
    SELECT camera, observed_at, verdict, level, trend, forms, cover, brightness, aurora_index, azimuth_deg,
        elevation_deg, azimuth_from_deg, azimuth_to_deg, lower_edge_deg, upper_edge_deg, overhead, distance_km,
        drift, spread, green_share, red_share, pink_share, purple_share, arciness, curvature
    FROM observations WHERE level > 0 ORDER BY observed_at DESC;
