package serve

import (
	"path"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// mostMessage is the largest size of a request, in bytes. Replies have no limit but that of gRPC: the first
// GetTrials of a client of Optuna returns a whole study.
const mostMessage = 64 << 20

// newRPC returns the server of gRPC, which answers through the HTTP server.
func newRPC() *grpc.Server {
	g := grpc.NewServer(grpc.MaxRecvMsgSize(mostMessage))
	h := health.NewServer()
	grpc_health_v1.RegisterHealthServer(g, h)
	return g
}

// readingCall reports whether a call of gRPC changes nothing.
func readingCall(call string) bool {
	service, method := path.Split(call)
	return service == "/grpc.health.v1.Health/" || strings.HasPrefix(method, "Get")
}
