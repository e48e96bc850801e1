-- The database of schema m004_short, as its release wrote it. Never edited.
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
INSERT INTO "_sqlite_migrations" VALUES(4,'aurorad','m004_short','2026-11-27 22:31:08.623805+00:00');
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
    undated INTEGER NOT NULL, read_as TEXT NOT NULL DEFAULT '',
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
CREATE TABLE "observations" (
    camera TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    verdict TEXT GENERATED ALWAYS AS (CASE verdict_kept WHEN 0 THEN 'aurora' WHEN 1 THEN 'clear' WHEN 2 THEN 'obscured' WHEN 3 THEN 'unusable' WHEN 4 THEN 'not looked' WHEN 5 THEN 'stale' ELSE verdict_kept END) VIRTUAL,
    reason TEXT NOT NULL,
    colour_level INTEGER,
    calibrated_probability REAL GENERATED ALWAYS AS (calibrated_probability_kept / 1e6) VIRTUAL,
    probability REAL GENERATED ALWAYS AS (probability_kept / 1e6) VIRTUAL,
    threshold REAL GENERATED ALWAYS AS (threshold_kept / 1e6) VIRTUAL,
    clear_probability REAL GENERATED ALWAYS AS (clear_probability_kept / 1e6) VIRTUAL,
    stars TEXT,
    star_limit REAL GENERATED ALWAYS AS (star_limit_kept / 1e1) VIRTUAL,
    star_zero REAL GENERATED ALWAYS AS (star_zero_kept / 1e2) VIRTUAL,
    star_gamma REAL GENERATED ALWAYS AS (star_gamma_kept / 1e1) VIRTUAL,
    sun_altitude_deg REAL GENERATED ALWAYS AS (sun_altitude_deg_kept / 1e4) VIRTUAL,
    moon_altitude_deg REAL GENERATED ALWAYS AS (moon_altitude_deg_kept / 1e4) VIRTUAL,
    moon_phase_deg REAL GENERATED ALWAYS AS (moon_phase_deg_kept / 1e4) VIRTUAL,
    twilight TEXT GENERATED ALWAYS AS (CASE twilight_kept WHEN 0 THEN 'night' WHEN 1 THEN 'astronomical' WHEN 2 THEN 'nautical' WHEN 3 THEN 'civil' WHEN 4 THEN 'day' ELSE twilight_kept END) VIRTUAL,
    moonlight TEXT GENERATED ALWAYS AS (CASE moonlight_kept WHEN 0 THEN 'none' WHEN 1 THEN 'quarter' WHEN 2 THEN 'full' ELSE moonlight_kept END) VIRTUAL,
    level INTEGER,
    cover REAL GENERATED ALWAYS AS (cover_kept / 1e4) VIRTUAL,
    brightness REAL GENERATED ALWAYS AS (brightness_kept / 1e1) VIRTUAL,
    aurora_index REAL GENERATED ALWAYS AS (aurora_index_kept / 1e2) VIRTUAL,
    forms TEXT,
    form_probabilities TEXT GENERATED ALWAYS AS (CASE typeof(form_probabilities_kept) WHEN 'integer' THEN printf('arc:%.2f band:%.2f rays:%.2f patches:%.2f diffuse:%.2f corona:%.2f', form_probabilities_kept / 1 % 101 / 100.0, form_probabilities_kept / 101 % 101 / 100.0, form_probabilities_kept / 10201 % 101 / 100.0, form_probabilities_kept / 1030301 % 101 / 100.0, form_probabilities_kept / 104060401 % 101 / 100.0, form_probabilities_kept / 10510100501 % 101 / 100.0) ELSE form_probabilities_kept END) VIRTUAL,
    azimuth_deg REAL,
    elevation_deg REAL,
    azimuth_from_deg REAL,
    azimuth_to_deg REAL,
    lower_edge_deg REAL,
    upper_edge_deg REAL,
    overhead INTEGER,
    distance_km REAL,
    poleward_deg REAL GENERATED ALWAYS AS (poleward_deg_kept / 1e1) VIRTUAL,
    arciness REAL GENERATED ALWAYS AS (arciness_kept / 1e2) VIRTUAL,
    curvature REAL GENERATED ALWAYS AS (curvature_kept / 1e2) VIRTUAL,
    green_share REAL GENERATED ALWAYS AS (green_share_kept / 1e2) VIRTUAL,
    red_share REAL GENERATED ALWAYS AS (red_share_kept / 1e2) VIRTUAL,
    pink_share REAL GENERATED ALWAYS AS (pink_share_kept / 1e2) VIRTUAL,
    purple_share REAL GENERATED ALWAYS AS (purple_share_kept / 1e2) VIRTUAL,
    trend TEXT GENERATED ALWAYS AS (CASE trend_kept WHEN 0 THEN 'brightening' WHEN 1 THEN 'fading' WHEN 2 THEN 'steady' ELSE trend_kept END) VIRTUAL,
    drift TEXT GENERATED ALWAYS AS (CASE drift_kept WHEN 0 THEN 'poleward' WHEN 1 THEN 'equatorward' WHEN 2 THEN 'steady' ELSE drift_kept END) VIRTUAL,
    spread TEXT GENERATED ALWAYS AS (CASE spread_kept WHEN 0 THEN 'expanding' WHEN 1 THEN 'shrinking' WHEN 2 THEN 'steady' ELSE spread_kept END) VIRTUAL,
    heatmap_area REAL GENERATED ALWAYS AS (heatmap_area_kept / 1e6) VIRTUAL,
    colour_cover REAL GENERATED ALWAYS AS (colour_cover_kept / 1e6) VIRTUAL,
    shadow_probability REAL GENERATED ALWAYS AS (shadow_probability_kept / 1e6) VIRTUAL,
    heatmap BLOB,
    mask BLOB,
    fetched_at TEXT GENERATED ALWAYS AS (strftime('%Y-%m-%dT%H:%M:%SZ', observed_at, fetched_after_s || ' seconds')) VIRTUAL,
    recorded_at TEXT GENERATED ALWAYS AS (strftime('%Y-%m-%dT%H:%M:%SZ', observed_at, (fetched_after_s + recorded_after_s) || ' seconds')) VIRTUAL,
    model INTEGER REFERENCES models(id),
    source INTEGER REFERENCES sources(id),
    file TEXT,
    fetched_after_s INTEGER NOT NULL DEFAULT 0,
    recorded_after_s INTEGER NOT NULL DEFAULT 0,
    verdict_kept  NOT NULL,
    calibrated_probability_kept INTEGER,
    probability_kept INTEGER,
    threshold_kept INTEGER,
    clear_probability_kept INTEGER,
    star_limit_kept INTEGER,
    star_zero_kept INTEGER,
    star_gamma_kept INTEGER,
    sun_altitude_deg_kept INTEGER NOT NULL,
    moon_altitude_deg_kept INTEGER NOT NULL,
    moon_phase_deg_kept INTEGER NOT NULL,
    twilight_kept  NOT NULL,
    moonlight_kept  NOT NULL,
    cover_kept INTEGER,
    brightness_kept INTEGER,
    aurora_index_kept INTEGER,
    form_probabilities_kept ,
    poleward_deg_kept INTEGER,
    arciness_kept INTEGER,
    curvature_kept INTEGER,
    green_share_kept INTEGER,
    red_share_kept INTEGER,
    pink_share_kept INTEGER,
    purple_share_kept INTEGER,
    trend_kept ,
    drift_kept ,
    spread_kept ,
    heatmap_area_kept INTEGER,
    colour_cover_kept INTEGER,
    shadow_probability_kept INTEGER,
    PRIMARY KEY (camera, observed_at)
) WITHOUT ROWID;
INSERT INTO "observations" VALUES('yellowknife','2024-02-10T04:50:03Z','aurora',2,NULL,NULL,NULL,312.0,35.0,NULL,NULL,NULL,NULL,NULL,NULL,X'0004080C1014181C2024282D3135393D4145494D5155595D6165696D7175797D82868A8E92969A9EA2A6AAAEB2B6BABEC2C6CACED2D7DBDFE3E7EBEFF3F7FBFF',NULL,1,1,NULL,12,288,0,800000,900000,500000,700000,NULL,NULL,NULL,-312500,145000,987500,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,250000,125000,NULL);
INSERT INTO "observations" VALUES('yellowknife','2024-02-10T04:51:03Z','civil twilight',2,NULL,NULL,NULL,312.0,35.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,NULL,12,228,4,NULL,NULL,500000,NULL,NULL,NULL,NULL,-312500,145000,987500,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,250000,125000,NULL);
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
