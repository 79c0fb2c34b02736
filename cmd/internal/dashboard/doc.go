// Package dashboard serves a study file as web pages that follow it while others write to it.
//
// The server draws the pages: every number that can be read is in the HTML. Small ES modules then
// fill the figures from /api and listen to server-sent events. The query string is the filter, the
// same on each page and API call of a study, so a URL is a state that can be shared.
//
// A follower reads each study that somebody looks at, once for all viewers, and hands out
// snapshots, which never change. So no request waits for another, or for the file.
package dashboard
