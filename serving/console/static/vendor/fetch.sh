#!/bin/sh
# Fetch the console's one chart library again, by name and version, from npm. Run from anywhere; needs npm and tar.
set -eu
cd "$(dirname "$0")"
package=uplot version=1.6.32
npm pack --silent "$package@$version"
tar -xzf "$package-$version.tgz" package/dist/uPlot.iife.min.js package/dist/uPlot.min.css package/LICENSE
mv package/dist/uPlot.iife.min.js uplot.js
mv package/dist/uPlot.min.css uplot.css
mv package/LICENSE uplot.LICENSE.txt
rm -r package "$package-$version.tgz"
