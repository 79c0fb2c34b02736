// Package remote is a storage.Viewer over HTTP: Handler serves one, and a DB from
// Open calls it from another machine.
//
// A call is a POST to /v1/storage/read/METHOD or /v1/storage/write/METHOD, so that
// a server can tell by the path who may call it. Both sides send a line of JSON.
// After it come as many lines as it announces, one for each trial (see
// storage/internal/lines), or the bytes of a checkpoint. Errors keep their text
// and what they match.
//
// # Lost answers
//
// A call that changes something has a key of its own. A client that got no answer
// repeats the call with the same key, and the server, which keeps recent answers,
// gives the first one again. Each server has the name of its instance: a client
// that repeats a call names the instance it has called before, and another one
// refuses. The client then knows that the server restarted, and that the call may
// have been made or not. DB says what each method does in that case.
package remote
