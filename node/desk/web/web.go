// Package web is the page of a desk as a browser loads it. It is built of src by build.mjs, with the packages that
// package-lock.json names, and committed, so that building the program needs no npm; .ci/web builds it anew and compares.
package web

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Files are the page's files, index.html at their root.
var Files = sub()

func sub() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant
	}
	return files
}
