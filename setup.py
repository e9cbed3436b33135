"""Puts config.toml, of which the clone has one for people and program, into the package that is built."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfiguration(build_py):
    """Copies the file; an editable installation finds it in the clone."""

    def run(self) -> None:
        """Builds the packages."""
        super().run()
        if not self.editable_mode:
            self.copy_file("config.toml", str(Path(self.build_lib, "agent", "data", "config.toml")))


setup(cmdclass={"build_py": BuildWithConfiguration})
