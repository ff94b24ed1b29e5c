#!/bin/sh
# Fetch the console's two libraries again, by name and version, from npm. Run from anywhere; needs npm and tar.
set -eu
cd "$(dirname "$0")"

# fetch PACKAGE VERSION FILE...: unpack some files of a package into ./package
fetch() {
  name=$1 version=$2
  shift 2
  npm pack --silent "$name@$version"
  tar -xzf "$name-$version.tgz" "$@"
  rm "$name-$version.tgz"
}

fetch uplot 1.6.32 package/dist/uPlot.iife.min.js package/dist/uPlot.min.css package/LICENSE
mv package/dist/uPlot.iife.min.js uplot.js
mv package/dist/uPlot.min.css uplot.css
mv package/LICENSE uplot.LICENSE.txt
fetch htmx.org 2.0.7 package/dist/htmx.min.js package/LICENSE
mv package/dist/htmx.min.js htmx.js
mv package/LICENSE htmx.LICENSE.txt
rm -r package
