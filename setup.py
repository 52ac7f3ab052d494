"""Builds the native twin of the fan-out where there is a C compiler; everything else stands in pyproject.toml."""

from setuptools import setup

setup(cffi_modules=["broadcaster/forward/_native_build.py:builder"])
