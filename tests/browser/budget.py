"""What the page may weigh and how soon it is painted, and how a browser is asked."""

PHONE = (390, 844)
FIRST_PAINT_MS = 1000
PI_SLOWDOWN = 4  # what browsers' own tools take for a slow phone or a small computer
MOST_BYTES = 150_000

PAINTED = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
WEIGHT = """
const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
return entries.filter((each) => each.initiatorType !== "img").reduce((sum, each) => sum + each.decodedBodySize, 0);
"""
