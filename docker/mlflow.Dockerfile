# The MLflow server with what it needs to speak to PostgreSQL and S3; also runs the job that makes the bucket.
FROM python:3.11-slim-bookworm
RUN pip install --no-cache-dir mlflow==3.17.2 "psycopg[binary]==3.3.9" boto3==1.44.5 \
    && useradd --create-home mlflow
USER mlflow
WORKDIR /home/mlflow
EXPOSE 5000
