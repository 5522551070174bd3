/* penstock
description: The name that is kept for each name that files gave.
materialize: table
*/
SELECT spelling, country
FROM cases.country_names
