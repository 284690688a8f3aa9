package dynamo

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/figures"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Memberships implements journey.CustomerStore: one query, and one batch read of the
// journeys' heads, which have the names, and the ids of the present graph's nodes.
func (s Customers) Memberships(
	ctx context.Context, t ident.Tenant, customer string, n int, before ident.ID,
) (list []journey.Membership, unread []journey.Damage, last ident.ID, err error) {
	out, err := s.Client.Query(ctx, s.membershipsQuery(t, customer, n, before))
	if err != nil || len(out.Items) == 0 {
		return nil, nil, "", access.WrapFailed("read a customer's enrollments", err)
	}
	keys := make([]map[string]types.AttributeValue, len(out.Items))
	for i, it := range out.Items {
		keys[i] = item.HeadKey(t, journeyOf(it))
	}
	found, err := s.BatchGet(ctx, keys)
	if err != nil {
		return nil, nil, "", access.WrapFailed("read the heads of journeys", err)
	}
	heads := make(map[string]item.Item, len(found)) // by partition
	for _, head := range found {
		heads[item.PartitionOf(head)] = head
	}
	for _, it := range out.Items {
		head := heads[item.FiguresPK(t, journeyOf(it))]
		if head == nil {
			continue // the journey was deleted
		}
		m, err := decodeMembership(t, it, head)
		if err != nil {
			unread = append(unread, journey.Damage{Journey: journeyOf(it), Cause: access.WrapDamaged(err)})
			continue
		}
		list = append(list, m)
	}
	if len(out.LastEvaluatedKey) > 0 {
		last = journeyOf(out.LastEvaluatedKey)
	}
	return list, unread, last, nil
}

func (s *table) membershipsQuery(t ident.Tenant, customer string, n int, before ident.ID) *dynamodb.QueryInput {
	query := &dynamodb.QueryInput{
		TableName: &s.Name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(n)),
		KeyConditionExpression: aws.String("PK = :pk AND begins_with(SK, :e)"),
		ExpressionAttributeValues: item.Item{
			":pk": item.Text(item.CustomerPK(t, customer)), ":e": item.Text(item.EnrollmentPrefix),
		},
	}
	if before != "" {
		query.ExclusiveStartKey = item.EnrollmentKey(t, before, customer)
	}
	return query
}

// journeyOf returns the journey in the key of an enrollment.
func journeyOf(it item.Item) ident.ID {
	r := item.Reader{Item: it}
	return item.EnrollmentJourney(r.Text(manifest.SortKey))
}

// decodeMembership sets NodeID only if the head has the labels of the enrollment's graph.
func decodeMembership(t ident.Tenant, it, head item.Item) (journey.Membership, error) {
	e, err := decodeEnrollment(t, it)
	h := figures.DecodeHead(head)
	if err != nil || h == nil {
		return journey.Membership{}, cmp.Or(err, item.CheckNewer(head), fmt.Errorf("dynamo: the head of %s cannot be read", e.Journey))
	}
	m := journey.Membership{JourneyName: h.Name, JourneyStatus: h.Status}
	if m.Enrollment = e; h.Graph == e.GraphHash {
		m.NodeID = nodeID(h, e.Node)
	}
	return m, nil
}

func nodeID(h *analytics.Head, node int) string {
	for _, l := range h.Labels {
		if l.Node == node {
			return l.ID
		}
	}
	return ""
}
