package dashboard

import (
	"bytes"
	"compress/gzip"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
)

// templateFiles are the pages, and layout.html, which holds each of them.
//
//go:embed templates
var templateFiles embed.FS

// A view is what a page shows.
type view struct {
	Title string
	Study *studyHead // nil: the page is about no study
	Live  string     // the address of the events that tell when the page is out of date; "": none
	Body  any        // of the page's own template
	Done  string     // what the form before this page has done; page sets it
}

// A studyHead is what all pages of a study show.
type studyHead struct {
	ID      int64
	Name    string
	Query   template.URL // the filter, with "?" before it; or ""
	Loading string       // how far the study is loaded; "": all of it
	Write   bool         // offer what changes the file
}

// Path is the address of a page of the study, which keeps the filter.
func (h *studyHead) Path(page string) string {
	return "/studies/" + strconv.FormatInt(h.ID, 10) + page + string(h.Query)
}

// pages are the parsed templates by their names.
type pages map[string]*template.Template

// newPages parses the templates. They are embedded, so an error is a mistake in this program.
func newPages(files *static) pages {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"static": func(name string) string { return files.path + "/" + name }, "number": number, "show": show, "name": name, "short": short, "ago": ago, "clock": clock,
		"bytes": bytesText, "utc": utc, "iso": iso, "lower": lower, "stateof": stateOf, "counted": counted, "region": region,
	}).ParseFS(templateFiles, "templates/layout.html", "templates/part_*.html"))
	all := pages{}
	for _, entry := range must(templateFiles.ReadDir("templates")) {
		if name := entry.Name(); name != "layout.html" && !isPart(name) {
			all[name] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, "templates/"+name))
		}
	}
	return all
}

// page answers with a page. It draws all of it first, so an error can still become another page.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, name string, v view) error {
	v.Done = takeDone(w, r)
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, "layout.html", v); err != nil {
		return err
	}
	send(w, r, status, "text/html; charset=utf-8", b.Bytes())
	return nil
}

// send answers, compressed if that is worth it.
func send(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Vary", "Accept-Encoding")
	if len(body) > 1<<10 && acceptsGzip(r.Header) {
		h.Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // most viewers are on this machine
		_, _ = z.Write(body)                           // an error means that the viewer is gone
		_ = z.Close()
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// head describes the study of a page.
func (s *Server) head(r *http.Request, now *snapshot) *studyHead {
	h := &studyHead{ID: now.study.ID, Name: now.study.Name, Write: s.cfg.AllowWrite, Loading: now.progress()}
	if q := filterOnly(r.URL.Query()); len(q) > 0 {
		h.Query = template.URL("?" + q.Encode())
	}
	return h
}

// study returns the latest snapshot of the study in the address.
func (s *Server) study(r *http.Request) (*snapshot, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, errNoPage
	}
	return s.byID(r, id)
}

func (s *Server) byID(r *http.Request, id int64) (*snapshot, error) {
	if err := s.mayShow(r.Context(), id); err != nil {
		return nil, err
	}
	return s.follows.of(id).get(r.Context())
}

// filterOnly returns the keys of a query that are a filter.
func filterOnly(q url.Values) url.Values {
	kept := url.Values{}
	for key, values := range q {
		if isFilterKey(key) {
			kept[key] = values
		}
	}
	return kept
}
