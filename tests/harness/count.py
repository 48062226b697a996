"""Prints `passed failed skipped` of a JUnit report."""

import sys
import xml.etree.ElementTree as ElementTree

passed = failed = skipped = 0
for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
    kinds = {element.tag for element in case}
    if kinds & {"failure", "error"}:
        failed += 1
    elif "skipped" in kinds:
        skipped += 1
    else:
        passed += 1
if passed + failed + skipped == 0:
    sys.exit("no test ran")
print(passed, failed, skipped)
