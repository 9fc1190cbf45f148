package api

import (
	"context"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

type datasetCheckIn struct {
	Body wire.DatasetCheck
}

// checkDataset refuses what creating the dataset would be refused for, and changes
// nothing.
func checkDataset(ctx context.Context, s *server, in *datasetCheckIn) (*reply[wire.DatasetCheck], error) {
	err := s.judge(ctx, func(v state.View) error {
		refusal, err := v.PreviewDataset(callerOf(ctx).ID, catalog.DatasetCreate{Descriptor: in.Body.Descriptor})
		if err == nil && refusal != nil {
			return refusal
		}
		return err
	})
	return &reply[wire.DatasetCheck]{Body: in.Body}, err
}
