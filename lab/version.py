"""The lab's version: part of every record and of every cache key."""

VERSION = "0.1.0"
