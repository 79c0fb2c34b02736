package katib

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// probed is the service that Katib's readiness and liveness probes ask about.
const probed = "manager.v1beta1.Suggestion"

// Options are the limits of a server.
type Options struct {
	MaxMessage int           // bytes of a request
	Grace      time.Duration // how long running requests may take after the end of the context
	Log        *slog.Logger
}

// Serve answers requests until ctx ends. Then it refuses new ones and finishes those that run.
func Serve(ctx context.Context, l net.Listener, o Options) error {
	s := server{log: o.Log, turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(o.MaxMessage), grpc.MaxConcurrentStreams(100), grpc.MaxHeaderListSize(16<<10),
		grpc.ConnectionTimeout(10*time.Second), grpc.UnaryInterceptor(s.answer),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 15 * time.Minute, Time: time.Minute}))
	Register(g)
	alive := health.NewServer()
	alive.SetServingStatus(probed, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(g, alive)
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	alive.Shutdown() // probes fail, and their streams end
	timer := time.AfterFunc(o.Grace, g.Stop)
	defer timer.Stop()
	g.GracefulStop()
	return <-ended
}

type server struct {
	log   *slog.Logger
	turns chan struct{} // holds an element for each request that computes
}

// answer limits how many requests compute at once, logs those that fail, and turns a panic into an error.
func (s server) answer(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (reply any, err error) {
	if _, ours := info.Server.(service); !ours { // health must answer at once
		return handler(ctx, request)
	}
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a request made the service panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "the service made a mistake; its log says more")
		}
		if err != nil {
			s.log.Warn("a request failed", "method", info.FullMethod, "error", status.Convert(err).Message())
		}
	}()
	return handler(ctx, request)
}
