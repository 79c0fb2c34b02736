#!/usr/bin/env bash
# Renews the libraries in static/vendor from npm: `make vendor-js`. Needs npm and node; the build needs neither.
# To move to another version, change it here, run this, and look at the pages.
set -euo pipefail
cd "$(dirname "$0")/static/vendor"
uplot=uplot@1.6.32
plotly=plotly.js-strict-dist-min@4.1.1

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for package in "$uplot" "$plotly"; do
	npm pack --silent --pack-destination "$work" "$package" >/dev/null # npm checks the integrity hash of the registry
	mkdir "$work/${package%@*}"
	tar -xzf "$work/${package/@/-}.tgz" -C "$work/${package%@*}" --strip-components 1
done

rm -f ./*
# keep NAME FILE stores FILE compressed, reproducibly.
keep() { gzip -9nc "$2" >"$1.gz"; }
keep uPlot.min.js "$work/uplot/dist/uPlot.iife.min.js"
keep uPlot.min.css "$work/uplot/dist/uPlot.min.css"
keep plotly-strict.min.js "$work/plotly.js-strict-dist-min/plotly-strict.min.js"
cp "$work/uplot/LICENSE" uPlot.LICENSE
cp "$work/plotly.js-strict-dist-min/LICENSE" plotly.LICENSE

# Plotly inserts its style rules from JavaScript, which our Content-Security-Policy forbids. The same rules, as a file.
node - "$work/plotly.js-strict-dist-min/plotly-strict.min.js" >"$work/plotly.css" <<'NODE'
const text = require('fs').readFileSync(process.argv[2], 'utf8');
const start = text.indexOf('{"X,X div":');
const end = text.indexOf('};for(', start);
if (start < 0 || end < 0) throw new Error('the style rules of plotly are not where they were');
for (const [selector, rule] of Object.entries(require('vm').runInNewContext(`(${text.slice(start, end + 1)})`)))
	console.log(`${selector.replace(/X/g, '.js-plotly-plot .plotly').replace(/Y/g, '.plotly-notifier')}{${rule}}`);
NODE
keep plotly.css "$work/plotly.css"

{
	echo "# Written by vendor-js.sh. Package and version, licence, then the SHA-256 of each file."
	echo "$uplot MIT"
	echo "$plotly MIT"
	sha256sum -- *.gz *.LICENSE
} >VENDORED
cat VENDORED
