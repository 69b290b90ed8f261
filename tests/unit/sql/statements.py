"""Statements as Django's ORM and hand-written SQL send them, in the dialects of five databases."""

import re
from itertools import product

QUOTES = {"postgres": '""', "mysql": "``", "oracle": '""', "tsql": "[]", "sqlite": '""'}
VENDORS = {
    "postgres": "postgresql",
    "mysql": "mysql",
    "oracle": "oracle",
    "tsql": "microsoft",
    "sqlite": "sqlite",
}

COLUMNS = (
    '"book"."id", "book"."title"',
    'COUNT(*) AS "__count"',
    'DISTINCT "book"."title" AS "label"',
    'MAX("book"."price") AS "top", CASE WHEN "book"."price" > %s THEN %s ELSE %s END AS "dear"',
    '"book"."id", (SELECT COUNT(*) AS "n" FROM "loan" U0 WHERE U0."book_id" = ("book"."id")) AS "loans"',
)
SOURCES = (
    '"book"',
    '"book" T1 INNER JOIN "book" ON (T1."id" = "book"."sequel_id")',
    '"book" INNER JOIN "author" ON ("book"."author_id" = "author"."id")',
    '"book" LEFT OUTER JOIN "author" ON ("book"."author_id" = "author"."id" AND "author"."name" = %s)'
    ' INNER JOIN "author_prizes" ON ("author"."id" = "author_prizes"."author_id")',
    '"book", "author" T2, "shelf"',
    '(SELECT "book"."id", "book"."title", "book"."price" FROM "book" WHERE "book"."price" > %s) "book"',
    '"book" CROSS JOIN (SELECT "shelf"."id" AS "shelf_id" FROM "shelf") "places"',
)
CONDITIONS = (
    "",
    ' WHERE "book"."id" = %s',
    ' WHERE ("book"."title" LIKE %s AND NOT ("book"."price" IS NULL))',
    ' WHERE "book"."id" IN (%s, %s, %s) ORDER BY "book"."title" ASC',
    ' WHERE EXISTS(SELECT 1 AS "a" FROM "loan" U0 WHERE U0."book_id" = ("book"."id"))',
    ' WHERE "book"."author_id" IN (SELECT V0."id" FROM "author" V0 WHERE V0."name" = %s)',
    ' WHERE "book"."price" BETWEEN %s AND %s',
)
# What all five dialects have.
COMMON = (
    *(
        f"SELECT {columns} FROM {source}{condition}"
        for columns, source, condition in product(COLUMNS, SOURCES, CONDITIONS)
    ),
    'SELECT "a"."id" FROM "author" "a" UNION ALL SELECT "b"."id" FROM "book" "b"',
    'SELECT "book"."id", SUM("book"."price") AS "s" FROM "book" GROUP BY "book"."id" HAVING COUNT(*) > %s',
    'SELECT ROW_NUMBER() OVER (PARTITION BY "book"."author_id" ORDER BY "book"."id") AS "place" FROM "book"',
    'INSERT INTO "book" ("title", "price") VALUES (%s, %s)',
    'INSERT INTO "book" ("title", "price") SELECT "book"."title", %s FROM "book" WHERE "book"."id" = %s',
    'INSERT INTO "archive" ("title") SELECT "b"."title" FROM "book" "b" INNER JOIN "author" "a"'
    ' ON ("b"."author_id" = "a"."id")',
    'UPDATE "book" SET "price" = %s WHERE "book"."id" = %s',
    'UPDATE "book" SET "price" = (SELECT MAX(U0."price") FROM "loan" U0) WHERE "book"."id" IN (%s, %s)',
    'UPDATE "book" SET "title" = CASE WHEN ("book"."id" = %s) THEN %s ELSE "title" END',
    'DELETE FROM "book"',
    'DELETE FROM "book" WHERE "book"."id" IN (%s, %s)',
    'DELETE FROM "loan" WHERE "book_id" IN (SELECT "id" FROM "book" WHERE "price" > %s)',
    'WITH "dear" AS (SELECT "id" FROM "book" WHERE "price" > %s) SELECT "id" FROM "dear"',
    'WITH "dear" AS (SELECT "id" FROM "book"), "rest" AS (SELECT "id" FROM "dear")'
    ' SELECT "l"."id" FROM "loan" "l" INNER JOIN "rest" ON ("l"."book_id" = "rest"."id")',
)
MERGES = (
    'MERGE INTO "book" b USING (SELECT %s AS id FROM dual) v ON (b.id = v.id)'
    ' WHEN MATCHED THEN UPDATE SET "price" = %s',
    'MERGE INTO "book" b USING "delivery" d ON (b.id = d.id) WHEN MATCHED THEN UPDATE SET title = d.title'
    " WHEN NOT MATCHED THEN INSERT (id, title) VALUES (d.id, d.title)",
)
OWN = {
    "postgres": (
        "WITH gone AS (DELETE FROM book WHERE id = %s RETURNING id) SELECT count(*) FROM gone",
        "WITH gone AS MATERIALIZED (DELETE FROM book RETURNING *) INSERT INTO archive SELECT * FROM gone",
        "WITH new AS (INSERT INTO book (title) VALUES (%s) RETURNING id), dear AS (SELECT 1)"
        " UPDATE author SET books = books + 1 FROM new WHERE author.id = new.id",
        "WITH RECURSIVE tree(id) AS (SELECT id FROM shelf UNION ALL SELECT s.id FROM shelf s"
        " JOIN tree ON s.parent_id = tree.id) SELECT id FROM tree",
        "WITH book AS (SELECT * FROM book WHERE price > %s) SELECT * FROM book",
        *(merge.replace(" FROM dual", "") for merge in MERGES),
        "MERGE INTO book USING (VALUES (%s, %s)) AS v(id, title) ON book.id = v.id"
        " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (title) VALUES (v.title)",
        "DELETE FROM book USING author, shelf s WHERE book.author_id = author.id AND s.id = %s",
        "DELETE FROM book USING (SELECT id FROM author) a WHERE book.author_id = a.id",
        "UPDATE book SET price = a.fee FROM author a JOIN prize ON prize.id = a.prize_id WHERE book.id = %s",
        "UPDATE ONLY book SET price = %s",
        'INSERT INTO "book" ("title") VALUES (%s), (%s) ON CONFLICT ("title")'
        ' DO UPDATE SET "price" = EXCLUDED."price" RETURNING "book"."id"',
        'INSERT INTO "book" ("title") SELECT * FROM UNNEST(ARRAY[%s, %s]) ON CONFLICT DO NOTHING',
        "SELECT EXTRACT(YEAR FROM b.at), TRIM(BOTH FROM b.title), SUBSTRING(b.title FROM 2) FROM book b",
        "SELECT a IS DISTINCT FROM b FROM book FOR NO KEY UPDATE OF book SKIP LOCKED",
        "SELECT b.id FROM book b, LATERAL (SELECT id FROM loan WHERE loan.book_id = b.id LIMIT 1) l, shelf",
        "SELECT g.n, b.id FROM generate_series(1, %s) g(n) LEFT JOIN book b ON b.id = g.n",
        "SELECT u.v, u.n FROM UNNEST(ARRAY[1, 2]) WITH ORDINALITY AS u(v, n), book",
        "SELECT * FROM (book b JOIN author a ON a.id = b.author_id) JOIN public.shelf USING (id)",
        "TABLE book",
        "VALUES (1, %s), (2, %s)",
        "(SELECT id FROM book) EXCEPT (SELECT book_id FROM loan)",
        "SELECT data #>> '{a,b}', data -> 'c' FROM book WHERE data @> '{}' AND title = E'it\\'s'",
        "SELECT $tag$ FROM nothing $tag$ FROM book WHERE tags[1] = %s",
        "COPY book (title) FROM STDIN",
        "TRUNCATE TABLE book, author RESTART IDENTITY CASCADE",
        "CREATE TABLE draft (id int PRIMARY KEY, book_id int REFERENCES book (id) ON DELETE CASCADE)",
        "ALTER TABLE book ADD COLUMN pages int",
        "DROP TABLE IF EXISTS draft",
        "EXPLAIN SELECT id FROM book",
    ),
    "mysql": (
        "INSERT IGNORE INTO `book` (`title`) VALUES (%s)",
        "INSERT INTO `book` (`title`) VALUES (%s) ON DUPLICATE KEY UPDATE `title` = VALUES(`title`)",
        "REPLACE INTO `book` (`title`) VALUES (%s)",
        "UPDATE `book` INNER JOIN `author` ON `book`.`author_id` = `author`.`id` SET `book`.`price` = %s",
        "DELETE `book` FROM `book` INNER JOIN `author` ON `book`.`author_id` = `author`.`id`",
        'SELECT `id` FROM `book` WHERE `title` = "FROM nothing" AND `name` = "it\\"s" LIMIT 5, 10',
        "SELECT `id` FROM `book` # FROM nothing\nWHERE `id` = %s",
        "SELECT `id` FROM `book` WHERE `title` = 'it\\'s FROM nothing' -- FROM nothing",
        "SELECT `id` FROM `shop`.`book` USE INDEX (`by_title`) WHERE `id` = 0xFF",
        "SELECT `id` FROM `book` FOR UPDATE",
    ),
    "oracle": (
        *MERGES,
        'SELECT "BOOK"."ID" FROM "BOOK" FETCH FIRST 21 ROWS ONLY',
        'SELECT "BOOK"."ID" FROM "BOOK" WHERE "BOOK"."TITLE" = q\'[it\'s FROM nothing]\'',
        'INSERT INTO "BOOK" ("TITLE") VALUES (:arg0)',
        'SELECT 1 AS "A" FROM DUAL',
    ),
    "tsql": (
        "UPDATE b SET b.price = %s FROM [book] b INNER JOIN [author] a ON a.id = b.author_id",
        "SELECT TOP 21 [book].[id] FROM [dbo].[book] WHERE [book].[title] = N'FROM nothing'",
        "SELECT [id] FROM [book] ORDER BY [id] OFFSET 0 ROWS FETCH NEXT 10 ROWS ONLY",
        "MERGE INTO [book] AS b USING [delivery] AS d ON b.id = d.id WHEN MATCHED THEN DELETE;",
    ),
    "sqlite": (
        'INSERT OR IGNORE INTO "book" ("title") VALUES (%s)',
        'INSERT OR REPLACE INTO "book" ("title") VALUES (%s)',
        'REPLACE INTO "book" ("title") VALUES (%s)',
        "SELECT [id] FROM [book] LIMIT -1 OFFSET 5",
        'SELECT "id" FROM "book" WHERE "title" = "FROM nothing"',
        "SELECT `id` FROM `book` WHERE x'00' = %s",
    ),
}


def statements():
    """Yield each statement with the name that sqlglot gives its dialect."""
    for dialect, (left, right) in QUOTES.items():
        for sql in COMMON:
            # Django writes the names of Oracle in capitals; so they differ from those of the others.
            named = sql.upper().replace("%S", "%s") if dialect == "oracle" else sql
            yield dialect, re.sub(r'"(\w+)"', rf"{left}\1{right}", named)
        for sql in OWN[dialect]:
            yield dialect, sql
