"""Other tools' formats, in and out. A file in another tool's keys holds that tool's formulas."""
