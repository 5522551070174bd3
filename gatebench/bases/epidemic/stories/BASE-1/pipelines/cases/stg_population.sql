/* penstock
description: People by country, typed.
materialize: table
*/
SELECT country, CAST(population AS BIGINT) AS population, continent
FROM cases.population
