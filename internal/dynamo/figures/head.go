package figures

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/pack"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// cLabels is the attribute for the labels of a graph's nodes; see pack.Labels. The head
// has those of the journey's present graph, a total those of an earlier one.
const cLabels = "l"

// Attributes of the head, with the names that the journey's item has for them.
const (
	hName   = "n"
	hStatus = "st"
	hGraph  = "gh" // see item.GraphText
)

// HeadChange returns the change of the journey's head for the change from old to next;
// nil for none. The head is a copy of what a report needs of the journey, beside the
// figures, so that one query reads both. A draft has none.
func (s Figures) HeadChange(t ident.Tenant, old, next journey.Journey) (*types.TransactWriteItem, error) {
	labels := pack.Labels(next.Labels)
	same := next.Name == old.Name && next.Status == old.Status && next.GraphHash == old.GraphHash &&
		bytes.Equal(labels, pack.Labels(old.Labels))
	if next.Status == journey.Draft || same {
		return nil, nil
	}
	graph, err := item.GraphText(next.GraphHash)
	if err != nil {
		return nil, err
	}
	it := item.HeadKey(t, next.ID)
	it.PutText(hName, next.Name)
	it.PutText(hStatus, string(next.Status))
	it.PutText(hGraph, graph)
	it.PutBinary(cLabels, labels)
	return &types.TransactWriteItem{Put: &types.Put{TableName: &s.Name, Item: it}}, nil
}

// KeepLabels copies the labels of a graph that the journey is about to leave to that
// graph's total. It does nothing if there is no total: nothing was folded yet. It
// raises the total's revision, so that a fold that read it before is refused.
func (s Figures) KeepLabels(ctx context.Context, t ident.Tenant, old journey.Journey) error {
	packed := pack.Labels(old.Labels)
	graph, err := item.GraphText(old.GraphHash)
	if err != nil || packed == nil {
		return err
	}
	_, err = s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Name, Key: item.TotalKey(analytics.JourneyKey{Tenant: t, Journey: old.ID}, graph),
		UpdateExpression: aws.String("SET #l = :l ADD #r :one"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeNames:  map[string]string{"#l": cLabels, "#r": cRev},
		ExpressionAttributeValues: item.Item{":l": item.Binary(packed), ":one": item.Number(1)},
	})
	return access.WrapUnlessRefused("keep the labels of a graph", err)
}

// DecodeHead returns the head; nil if it cannot be read, so that the caller reads the
// journey instead.
func DecodeHead(it item.Item) *analytics.Head {
	r := item.Reader{Item: it}
	graph, err := item.GraphHash(r.Text(hGraph))
	head := analytics.Head{
		Name: r.Text(hName), Status: journey.Status(r.Text(hStatus)), Graph: graph, Labels: pack.ReadLabels(r.Binary(cLabels)),
	}
	if r.Err != nil || err != nil {
		return nil
	}
	return &head
}
