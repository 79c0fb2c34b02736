package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// A static serves the files that the pages load: our modules and styles, and the libraries that
// vendor-js.sh puts into static/vendor. It is safe for concurrent use.
type static struct {
	path  string // of the folder, "/static/" and a hash of all files, so browsers may keep them for ever
	files map[string]staticFile
}

type staticFile struct {
	contentType string
	gzipped     []byte
	tag         string
}

// newStatic compresses what is not stored compressed.
func newStatic() (*static, error) {
	s := &static{files: map[string]staticFile{}}
	all := sha256.New()
	err := fs.WalkDir(staticFiles, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		name, compressed := strings.CutSuffix(strings.TrimPrefix(name, "static/"), ".gz")
		sum := sha256.Sum256(content)
		fmt.Fprintf(all, "%s %x\n", name, sum)
		if !compressed {
			if content, err = gzipped(content); err != nil {
				return err
			}
		}
		s.files[name] = staticFile{contentType(name), content, `"` + hex.EncodeToString(sum[:8]) + `"`}
		return nil
	})
	s.path = "/static/" + hex.EncodeToString(all.Sum(nil)[:8])
	return s, err
}

func gzipped(content []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(content); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// contentType does not ask the system, whose tables may name another type for .js.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}

// ServeHTTP serves the files below s.path, compressed to clients that take it.
func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, s.path+"/")
	file, known := s.files[name]
	if !ok || !known {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", file.contentType)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("ETag", file.tag)
	header.Set("Vary", "Accept-Encoding")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Header.Get("If-None-Match") == file.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if acceptsGzip(r.Header) {
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", strconv.Itoa(len(file.gzipped)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(file.gzipped) // a client that has gone needs no error
		}
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	if z, err := gzip.NewReader(bytes.NewReader(file.gzipped)); err == nil {
		_, _ = io.Copy(w, z)
	}
}

// acceptsGzip reports whether a client takes gzip, which it may also refuse with q=0.
func acceptsGzip(h http.Header) bool {
	for _, coding := range strings.Split(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, params, err := mime.ParseMediaType(coding)
		if err != nil || name != "gzip" && name != "*" {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		return params["q"] == "" || err == nil && q > 0
	}
	return false
}
