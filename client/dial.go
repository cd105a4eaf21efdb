package client

import (
	"context"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/retry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// serviceConfig spreads RPCs over all addresses of the target, and sends reads and
// acknowledgements again that a gateway could not be asked for. Actions are not in it: grpc cannot
// tell those that have a request_id from those that have none.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [
      {"service": "callgate.v1.CallControl", "method": "GetCall"},
      {"service": "callgate.v1.Participants", "method": "GetParticipant"},
      {"service": "callgate.v1.Participants", "method": "ListParticipants"},
      {"service": "callgate.v1.Recordings", "method": "GetRecording"},
      {"service": "callgate.v1.Events", "method": "ListEvents"},
      {"service": "callgate.v1.Events", "method": "AckEvents"},
      {"service": "callgate.v1.Groups", "method": "ListGroups"},
      {"service": "callgate.v1.Groups", "method": "GetGroup"},
      {"service": "callgate.v1.Groups", "method": "ListDeadLetters"},
      {"service": "callgate.v1.Events", "method": "WaitForOutcome"}
    ],
    "retryPolicy": {
      "maxAttempts": 5,
      "initialBackoff": "0.1s",
      "maxBackoff": "2s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

const (
	// The gateway refuses pings more often than every 10 s.
	pingAfter   = 20 * time.Second
	pingTimeout = 10 * time.Second
	// maxMessage bounds what is received: an event may have come with 1 MiB of data.
	maxMessage = 16 << 20

	tries    = 5 // of an action that has a request_id
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
	jitter   = 0.2
)

// Dial makes a connection to a callgate, or to several behind one name
// ("dns:///callgate:9090"), over which RPCs are then spread. It connects when it
// is first used, and again when it is lost.
//
// It is over TLS, checked against the system's certificates, unless opts say
// otherwise: opts come after Dial's own options and override them.
//
// What failed with UNAVAILABLE is sent again, at most 5 times in all, while the
// RPC's context lasts, where that cannot act twice: reads, and actions with a
// request_id, which the gateway performs once however often it is asked (and of
// which ABORTED says that it is still on its way). An action without one is never sent again: nobody knows whether it was performed. Streams
// are resumed by Stream.
func Dial(target string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(nil)),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithChainUnaryInterceptor(retryNamed()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: pingAfter, Timeout: pingTimeout, PermitWithoutStream: true,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: minPause, Multiplier: 2, Jitter: jitter, MaxDelay: maxPause},
			MinConnectTimeout: maxPause,
		}),
	}, opts...)...)
}

// retryNamed sends again the actions that have a name.
func retryNamed() grpc.UnaryClientInterceptor {
	again := retry.UnaryClientInterceptor(
		retry.WithCodes(codes.Unavailable, codes.Aborted), // ABORTED: the first is still on its way
		retry.WithMax(tries),
		retry.WithBackoff(pauses()),
	)
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if named, is := req.(interface{ GetRequestId() string }); is && named.GetRequestId() != "" {
			return again(ctx, method, req, reply, cc, invoker, opts...)
		}
		return invoker(ctx, method, req, reply, cc, opts...)
	}
}

// pauses double from minPause to maxPause.
func pauses() retry.BackoffFunc {
	return retry.BackoffExponentialWithJitterBounded(minPause, jitter, maxPause)
}
