/* penstock
description: The day with the most new cases of each country.
materialize: table
*/
SELECT country, day, new_confirmed
FROM cases.new_cases
WHERE new_confirmed > 0
QUALIFY row_number() OVER (PARTITION BY country ORDER BY new_confirmed DESC, day) = 1
