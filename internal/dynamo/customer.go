package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/journey"
)

// PutProfile implements journey.CustomerStore.
func (s Customers) PutProfile(ctx context.Context, t journey.Tenant, p journey.Profile) error {
	it := profileKey(t, p.Customer)
	it.putBinary(pAttributes, p.Attributes)
	it.putTime(pUpdated, p.UpdatedAt)
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.name, Item: it})
	return failed("store a profile", err)
}

// Profile implements journey.CustomerStore.
func (s Customers) Profile(ctx context.Context, t journey.Tenant, customer string) (journey.Profile, error) {
	it, err := s.get(ctx, profileKey(t, customer))
	if err != nil {
		return journey.Profile{}, failed("read a profile", err)
	}
	if it == nil {
		return journey.Profile{}, journey.ErrNoCustomer
	}
	r := reader{item: it}
	p := journey.Profile{Customer: customer, Attributes: r.binary(pAttributes), UpdatedAt: r.time(pUpdated)}
	return p, damaged(r.err)
}

// Enrollment implements journey.EnrollmentStore.
func (s Enrollments) Enrollment(ctx context.Context, t journey.Tenant, id journey.ID, customer string) (journey.Enrollment, error) {
	it, err := s.get(ctx, enrollmentKey(t, id, customer))
	if err != nil {
		return journey.Enrollment{}, failed("read an enrollment", err)
	}
	if it == nil {
		return journey.Enrollment{}, journey.ErrNotEnrolled
	}
	e, err := decodeEnrollment(t, it)
	return e, damaged(err)
}
