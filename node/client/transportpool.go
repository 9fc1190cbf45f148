package client

import (
	"net"
	"net/http"
	"runtime"
	"time"
)

// newPool is the connection pool. It speaks HTTP/1.1 on several
// connections rather than HTTP/2 on one: tiles are large, and one connection's
// flow control and one core's encryption would bound an upload.
func newPool(opts Options) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	config := opts.TLS.Clone()
	config.NextProtos = []string{"http/1.1"}
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   5 * time.Second,
		MaxIdleConnsPerHost:   max(opts.Workers, 2),
		IdleConnTimeout:       30 * time.Second,
		ExpectContinueTimeout: time.Second,
		Protocols:             protocols,
		DisableCompression:    true,
	}
}

func defaultWorkers() int { return max(runtime.GOMAXPROCS(0), 1) }
